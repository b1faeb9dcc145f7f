package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childDir tells the re-executed test binary that it is the one to be killed.
const childDir = "LEDGER_TEST_DIR"

// TestKilledChild is the child's part: intents one after the other, each told to the
// parent once it has returned.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return // only the parent's child works here
	}
	from, _ := strconv.ParseUint(os.Getenv("LEDGER_TEST_FROM"), 10, 64)
	l, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	go func() { _ = l.Run(context.Background()) }()
	for n := from; ; n++ {
		o := order("op-1", n)
		v, _ := l.Admit(o, true)
		if v != Fresh {
			fmt.Println("error", o.ID, v)
			return
		}
		if err := l.Intent(context.Background(), o, []string{"horn-1"}); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("intent", n)
		if n%2 == 0 {
			_ = l.Close(o, "horn-1", terminal(o, "horn-1"))
			_ = l.Sync(context.Background())
			fmt.Println("closed", n)
		}
	}
}

// SIGKILL at random moments: what was told is there after each restart.
func TestKillKeepsIntents(t *testing.T) {
	dir := t.TempDir()
	rnd := rng(uint64(time.Now().UnixNano()))
	intents, closes := map[uint64]bool{}, map[uint64]bool{}
	next := uint64(1)
	for round := range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
		cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("LEDGER_TEST_FROM=%d", next))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, budget := bufio.NewScanner(out), 5+rnd.IntN(60)
		for lines.Scan() {
			what, num, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.ParseUint(num, 10, 64)
			if what == "error" || err != nil {
				t.Fatalf("round %d: %s", round, lines.Text())
			}
			if what == "intent" {
				intents[n] = true
			} else {
				closes[n] = true
			}
			next = n + 2 // one more may have been on its way
			if budget--; budget == 0 {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
	}
	l, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Shut()
	open := map[uint64]Entry{}
	for _, e := range l.Recover() {
		open[e.Order.Seq] = e
	}
	for n := range intents {
		if v, _ := l.Admit(order("op-1", n), true); v != Repeat {
			t.Errorf("intent %d was told and is %v", n, v)
		}
		if e, ok := open[n]; !ok || closes[n] && e.Terminal == nil {
			t.Errorf("intent %d, closed %v: recovered %v %+v", n, closes[n], ok, e)
		}
	}
	if len(intents) < 20 {
		t.Errorf("only %d intents were made: too little to show anything", len(intents))
	}
}
