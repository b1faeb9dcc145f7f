package pin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/pin"
	"fuqiao/edged/testbench/kernel"
)

// The test binary is also the program under test: with this variable set it runs a
// bank, under the kernel stand-in, and obeys commands on its standard input.
const guestVar = "PIN_TEST_CONFIG"

func TestMain(m *testing.M) {
	kernel.Main(os.Exit)
	if cfg := os.Getenv(guestVar); cfg != "" {
		guest(cfg)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// specs is the guest's configuration.
type specs struct {
	Outputs []pin.OutputSpec
	Inputs  []pin.InputSpec
}

// guest opens a bank and answers each command with one line.
func guest(raw string) {
	var s specs
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		fmt.Println(err)
		return
	}
	g := &session{specs: s}
	g.begin()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		g.obey(strings.Fields(in.Text()))
	}
}

// session is one life, or several, of a bank in the guest.
type session struct {
	specs
	bank *pin.Bank
	stop context.CancelFunc
	ran  chan error
}

func (g *session) begin() {
	g.bank = pin.New(pin.Config{
		Outputs: g.Outputs, Inputs: g.Inputs, Retry: 50 * time.Millisecond,
		Consumer: fmt.Sprintf("edged@%d", os.Getpid()),
		Notice: func(code, subject, detail string, raised bool) {
			fmt.Println("notice", code, subject, raised, detail)
		},
	})
	fmt.Println("open", g.bank.Open(context.Background()))
	var ctx context.Context
	ctx, g.stop = context.WithCancel(context.Background())
	g.ran = make(chan error, 1)
	go func(b *pin.Bank) { g.ran <- b.Run(ctx) }(g.bank)
}

func (g *session) obey(cmd []string) {
	ctx := context.Background()
	name := cmd[len(cmd)-1]
	switch cmd[0] {
	case "on", "off":
		o, err := g.bank.Output(name)
		if err == nil {
			err = o.Set(ctx, cmd[0] == "on")
		}
		fmt.Println(cmd[0], name, err)
	case "back":
		o, _ := g.bank.Output(name)
		on, err := o.(interface {
			ReadBack(context.Context) (bool, error)
		}).ReadBack(ctx)
		fmt.Println("back", name, on, err)
	case "level":
		i, _ := g.bank.Input(name)
		on, err := i.Level(ctx)
		fmt.Println("level", name, on, err)
	case "watch":
		i, _ := g.bank.Input(name)
		go func() {
			err := i.Watch(ctx, func(on bool) { fmt.Println("is", name, on) })
			fmt.Println("watched", name, err)
		}()
	case "safe":
		fmt.Println("safe", g.bank.Safe(ctx))
	case "close":
		g.stop()
		<-g.ran
		fmt.Println("close", g.bank.Close())
	case "again":
		g.begin()
	case "periph":
		fmt.Println("periph", outHigh(name))
	case "registry":
		fmt.Print("registry ", registry(name))
	}
}

// street is a guest at work, as its test sees it.
type street struct {
	t     *testing.T
	p     *kernel.Process
	in    io.Writer
	lines chan string
}

// play starts a guest on chips.
func play(t *testing.T, s specs, chips ...*kernel.Chip) *street {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Files and not io.Pipe: the program's death must not wait for us to read.
	stdin, commands, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	replies, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := kernel.Start(t.Context(), kernel.Config{
		Path: self, Env: append(os.Environ(), guestVar+"="+string(raw)),
		Stdin: stdin, Stdout: stdout, Stderr: stdout, Chips: chips,
	})
	_ = stdin.Close()
	_ = stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	g := &street{t: t, p: p, in: commands, lines: make(chan string, 256)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(g.lines)
		scan := bufio.NewScanner(replies)
		for scan.Scan() {
			g.lines <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		_ = p.Kill()
		_ = commands.Close()
		<-p.Done()
		<-read
		_ = replies.Close()
	})
	return g
}

// say sends a command, hear waits for the line that begins so and returns it.
func (g *street) say(cmd string) {
	g.t.Helper()
	if _, err := fmt.Fprintln(g.in, cmd); err != nil {
		g.t.Fatal(err)
	}
}

func (g *street) hear(want string) string {
	g.t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	var heard []string
	for {
		select {
		case l, more := <-g.lines:
			if strings.HasPrefix(l, want) {
				return l
			}
			if !more {
				g.t.Fatalf("never said %q and ended; said:\n%s", want, strings.Join(heard, "\n"))
			}
			heard = append(heard, l)
		case <-limit.C:
			g.t.Fatalf("never heard %q; heard:\n%s", want, strings.Join(heard, "\n"))
		}
	}
}

// hearAll waits for all of these, in any order.
func (g *street) hearAll(wants ...string) {
	g.t.Helper()
	for len(wants) > 0 {
		l := g.hear("notice")
		wants = slices.DeleteFunc(wants, func(w string) bool { return strings.HasPrefix(l, w) })
	}
}

// ask is say and hear.
func (g *street) ask(cmd, want string) string {
	g.t.Helper()
	g.say(cmd)
	return g.hear(want)
}

// kill ends the guest as a crash would.
func (g *street) kill() {
	g.t.Helper()
	if err := g.p.Kill(); err != nil {
		g.t.Fatal(err)
	}
	<-g.p.Done()
}

var _ drivers.Output = (*pin.Output)(nil)
