package pin

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fake is a machine with chips whose lines are bits in memory.
type fake struct {
	mu       sync.Mutex
	all      []chip
	levels   map[string]bool // logical, by "chip offset"
	writes   []string
	requests int
	fail     error         // what set and get answer
	refuse   error         // what a request answers
	hang     chan struct{} // set waits for it
	inputs   map[string]*fakeInput
}

func newFake(chips ...chip) *fake {
	return &fake{all: chips, levels: map[string]bool{}, inputs: map[string]*fakeInput{}}
}

// board is a chip with lines of these names.
func board(name string, lines ...string) chip {
	c := chip{name: name, label: "label-" + name, path: "/dev/" + name}
	for _, l := range lines {
		c.lines = append(c.lines, chipLine{name: l})
	}
	return c
}

func key(c chip, offset int) string {
	return place{chip: chip{name: c.name, lines: make([]chipLine, offset+1)}, offset: offset}.String()
}

func (f *fake) chips() ([]chip, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []chip
	for _, c := range f.all {
		c.lines = slices.Clone(c.lines)
		out = append(out, c)
	}
	return out, nil
}

func (f *fake) show(chips ...chip) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = chips
}

func (f *fake) breakWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *fake) level(k string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.levels[k]
}

func (f *fake) history() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.writes)
}

func (f *fake) takeOutputs(c chip, consumer string, lines []outLine) (outputLines, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	f.requests++
	for _, l := range lines {
		k := key(c, l.offset)
		f.levels[k] = l.on
		f.writes = append(f.writes, "take "+k+" "+word(l.on))
	}
	return &fakeOutputs{f: f, c: c, lines: lines}, nil
}

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

type fakeOutputs struct {
	f      *fake
	c      chip
	lines  []outLine
	closed bool
}

func (o *fakeOutputs) set(mask, bits uint64) error {
	o.f.mu.Lock()
	hang, err := o.f.hang, o.f.fail
	o.f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if err != nil {
		return err
	}
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	for i, l := range o.lines {
		if mask>>i&1 != 0 {
			on := bits>>i&1 != 0
			if k := key(o.c, l.offset); o.f.levels[k] != on {
				o.f.levels[k] = on
				o.f.writes = append(o.f.writes, "set "+k+" "+word(on))
			}
		}
	}
	return nil
}

func (o *fakeOutputs) get(mask uint64) (bits uint64, err error) {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	for i, l := range o.lines {
		if mask>>i&1 != 0 && o.f.levels[key(o.c, l.offset)] {
			bits |= 1 << i
		}
	}
	return bits, o.f.fail
}

func (o *fakeOutputs) close() error {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	o.closed = true
	return nil
}

func (f *fake) takeInput(c chip, consumer string, offset int, pull string) (inputLine, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := &fakeInput{edges: make(chan struct{}, 64), high: pull == "up"}
	f.inputs[key(c, offset)] = in
	return in, nil
}

// fakeInput is a contact; drive moves it.
type fakeInput struct {
	mu    sync.Mutex
	high  bool
	gone  bool
	edges chan struct{}
}

func (i *fakeInput) drive(high bool) {
	i.mu.Lock()
	i.high = high
	i.mu.Unlock()
	select {
	case i.edges <- struct{}{}:
	default:
	}
}

// slip changes the level and loses the edge.
func (i *fakeInput) slip(high bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.high = high
}

func (i *fakeInput) remove() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gone = true
}

func (i *fakeInput) level() (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.gone {
		return false, unix.ENODEV
	}
	return i.high, nil
}

func (i *fakeInput) wait(d time.Duration) (bool, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-i.edges:
		return true, nil
	case <-t.C:
		return false, nil
	}
}

func (i *fakeInput) close() error { return nil }

// notes records notices as "code subject +" or "… -".
type notes struct {
	mu  sync.Mutex
	got []string
}

func (n *notes) notice(code, subject, detail string, raised bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sign := " -"
	if raised {
		sign = " +"
	}
	n.got = append(n.got, code+" "+subject+sign)
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

// bank makes a bank on a fake machine and opens it.
func bank(t *testing.T, f *fake, cfg Config) (*Bank, *notes) {
	t.Helper()
	n := &notes{}
	cfg.Notice = n.notice
	b := New(cfg)
	b.sys = f
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b, n
}

// running runs a bank until stop, which waits for it.
func running(t *testing.T, b *Bank) (ctx context.Context, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	return ctx, func() {
		cancel()
		must(t, <-done)
	}
}

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// out finds an output.
func out(t *testing.T, b *Bank, name string) *Output {
	t.Helper()
	o, err := b.Output(name)
	if err != nil {
		t.Fatal(err)
	}
	return o.(*Output)
}
