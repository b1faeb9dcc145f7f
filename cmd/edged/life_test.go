package main_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// long is a text whose saying is not over before something is done to it.
const long = "各位居民请注意，今天下午三点到五点，社区将进行消防演练，请不要惊慌。演练期间，请勿占用消防通道。谢谢配合。"

// speaking starts a long announcement on horn-1 and returns when it is heard.
func speaking(t *testing.T, s *street.Street, text string) (id string) {
	t.Helper()
	before := len(s.Horns[0].Chip.Utterances())
	id, err := s.Platform.Send(within(t), say(text))
	must(t, err)
	soon(t, "speech", func() bool { return len(s.Horns[0].Chip.Utterances()) > before })
	return id
}

// slow is real speed.
func slow() speech.Options { return speech.Options{Lead: 10 * time.Millisecond} }

// silenced tells whether the chip was stopped in mid-sentence; its last frame may still
// be on the wire when whoever sent it has ended.
func silenced(t *testing.T, h street.Horn) bool {
	t.Helper()
	soon(t, "silence", func() bool { return !h.Chip.Speaking() })
	all := h.Chip.Utterances()
	return len(all) > 0 && all[len(all)-1].Cut && all[len(all)-1].By == "stop"
}

// TestPromise50_OffAfterKill: kill -9 in mid-sentence leaves the amplifier on; -safe, which
// the service manager runs behind every end, switches it off and silences the chip.
func TestPromise50_OffAfterKill(t *testing.T) {
	s := live(t, street.Options{Domes: -1, Speech: slow(), Restart: -1})
	speaking(t, s, long)
	h := s.Horns[0]
	if !s.Pins.Level(h.Relay) {
		t.Fatal("speaking with the amplifier off")
	}
	must(t, s.Service.Kill9())
	must(t, s.Service.WaitEnded(within(t), 1))
	if life := s.Service.Lives()[0]; life.Safe.How != "exit 0" || life.Safe.Ended.Sub(life.Safe.Started) > 2*time.Second {
		t.Errorf("-safe: %+v", life.Safe)
	}
	if s.Pins.Level(h.Relay) || !silenced(t, h) {
		t.Errorf("amplifier %v, utterances %+v", s.Pins.Level(h.Relay), h.Chip.Utterances())
	}
}

// TestPromise50_NoSpeechWithoutEnd: what is said for longer than it may be is cut, and the
// amplifier goes off behind it. (The pin's own guard is TestPromise50_MaxOnIsTheLastGuard.)
func TestPromise50_NoSpeechWithoutEnd(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1, Speech: slow(), Change: func(c string) string {
		c = strings.ReplaceAll(c, "max_say_s: 60", "max_say_s: 1")
		return strings.ReplaceAll(c, "max_on_s: 100", "max_on_s: 2")
	}})
	h := s.Horns[0]
	r := send(t, s, say(long))
	if r.Status != wire.Cancelled && r.Status != wire.Partial && r.Status != wire.Failed || r.Reason != wire.Limit {
		t.Errorf("%+v", r)
	}
	must(t, s.Pins.WaitLevel(within(t), h.Relay, false))
	if all := onFor(s, h.Relay); len(all) != 1 || all[0] > 2200*time.Millisecond {
		t.Errorf("on for %v", all)
	}
	if !silenced(t, h) {
		t.Error("the chip goes on speaking into a dead amplifier")
	}
}

// TestPromise51_KillLoop: kill -9 again and again, in mid-sentence: ready again within 2 s,
// no second speech, one terminal each, nothing that was acknowledged to a camera is lost.
// (testbench run kill does it by the hundred, at any moment.)
func TestPromise51_KillLoop(t *testing.T) {
	const kills = 8
	s := live(t, street.Options{Domes: 1, Speech: slow()})
	var ready []time.Duration
	for i := range kills {
		status, err := s.Camera.Event(within(t), fmt.Sprintf("shot-%d", i), "motion")
		if status != 202 || err != nil {
			t.Fatalf("camera: %d %v", status, err)
		}
		text := fmt.Sprintf("第%d次：%s", i, long)
		id := speaking(t, s, text)
		if !s.Pins.Level(s.Horns[0].Relay) {
			t.Error("speaking with the amplifier off: this kill shows nothing")
		}
		must(t, s.Service.Kill9())
		must(t, s.Service.WaitEnded(within(t), i+1))
		if s.Pins.Level(s.Horns[0].Relay) {
			t.Error("the amplifier is on behind -safe")
		}
		must(t, s.Service.WaitReady(within(t), i+2))
		must(t, s.Online(within(t)))
		r, err := s.Platform.Await(within(t), id, "horn-1")
		if err != nil || r.Status != wire.Unknown || r.Reason != wire.Crash {
			t.Errorf("%+v %v", r, err)
		}
		life := s.Service.Lives()[i+1]
		ready = append(ready, life.Ready.Sub(life.Started))
		if n := len(s.Horns[0].Chip.Utterances()); n != i+1 {
			t.Fatalf("%d utterances of %d announcements", n, i+1)
		}
	}
	slices.Sort(ready)
	t.Logf("ready after %v in the middle, %v at the longest", ready[kills/2], ready[kills-1])
	if ready[kills-1] > 2*time.Second {
		t.Errorf("ready after %v", ready)
	}
	soon(t, "all events", func() bool {
		seen := map[string]bool{}
		for _, e := range events(s, wire.TypeCamera) {
			for i := range kills {
				if strings.Contains(string(e.Data), fmt.Sprintf(`shot-%d"`, i)) {
					seen[fmt.Sprint(i)] = true
				}
			}
		}
		return len(seen) == kills
	})
}

// TestPromise52_FrozenDaemon: a daemon that does not turn any more is killed by its
// watchdog, everything is brought to rest, and it is started again.
func TestPromise52_FrozenDaemon(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Speech: slow(), Watchdog: time.Second})
	speaking(t, s, long)
	must(t, s.Service.Signal(syscall.SIGSTOP))
	must(t, s.Service.WaitReady(within(t), 2))
	first := s.Service.Lives()[0]
	if first.Why != "watchdog" || first.Safe.How != "exit 0" {
		t.Errorf("%+v", first)
	}
	if s.Pins.Level(s.Horns[0].Relay) {
		t.Error("the amplifier is on")
	}
}

// TestPromise52_ConditionsFeedIt: without broker, disk and one of the ports the watchdog
// is fed all the same: those are conditions, and a restart would mend none of them.
func TestPromise52_ConditionsFeedIt(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: 1, Cold: true, Watchdog: time.Second, Change: func(c string) string {
		return strings.Replace(c, "/uart-1,", "/nothing-there,", 1)
	}})
	disk := kernel.NewDisk(s.State)
	s.AddHook(disk)
	must(t, s.Broker.Stop())
	must(t, s.StartOffline(within(t)))
	disk.Fail(syscall.SYS_FDATASYNC, syscall.EIO, 0, 0)
	disk.Fail(syscall.SYS_PWRITE64, syscall.EIO, 0, 0)
	if status, err := s.Camera.Event(within(t), "1", "motion"); status == 202 || err != nil || disk.Failed() == 0 {
		t.Errorf("a camera was told %d %v; %d calls to the disk have failed", status, err, disk.Failed())
	}
	for _, code := range []string{"journal.storage", "bus.port_lost"} {
		soon(t, code, func() bool { return raised(t, s, code) })
	}
	_, fed := s.Service.Status()
	soon(t, "three more feedings", func() bool { _, n := s.Service.Status(); return n >= fed+3 })
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("%d lives", n)
	}
}

// TestEndBySIGTERM: every device is halted while its wire is up, the amplifier is off, what
// was being said has its terminal, and the end is exit 0 within 5 s.
func TestEndBySIGTERM(t *testing.T) {
	s := live(t, street.Options{Speech: slow()})
	id := speaking(t, s, long)
	stick, err := s.Platform.TakeStick(within(t), "dome-1", wire.Speeds{Pan: 1}, platform.Hold{})
	must(t, err)
	soon(t, "motion", func() bool { _, moving := s.Domes[0].MovingSince(); return moving })
	asked := time.Now()
	life, err := s.Service.Stop(within(t))
	must(t, err)
	if life.How != "exit 0" || life.Ended.Sub(asked) > 5*time.Second {
		t.Errorf("%s after %v", life.How, life.Ended.Sub(asked))
	}
	var before int
	for _, f := range s.RS485.Frames() {
		if f.Read.After(asked) && f.Read.Before(life.Ended) && bytes.Equal(f.Data, []byte{0xFF, 1, 0, 0, 0, 0, 1}) {
			before++
		}
	}
	if before < 3 || s.Pins.Level(s.Horns[0].Relay) || !silenced(t, s.Horns[0]) {
		t.Errorf("%d stops before the end, amplifier %v, said %+v", before, s.Pins.Level(s.Horns[0].Relay), s.Horns[0].Chip.Utterances())
	}
	for id, device := range map[string]string{id: "horn-1", stick.Order: "dome-1"} {
		r, err := s.Platform.Await(within(t), id, device)
		if err != nil || r.Reason != wire.Shutdown {
			t.Errorf("%+v %v", r, err)
		}
	}
	var last wire.Presence
	s.Platform.Look(func(b *platform.Books) { last = b.Presences[len(b.Presences)-1].What })
	if last.State != wire.Offline {
		t.Errorf("the last presence says %s", last.State)
	}
}

// TestShutdownFinish: with shutdown: finish what is being said is said to its end.
func TestShutdownFinish(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1, Extra: "shutdown: {mode: finish, wait_s: 20}\n", Speech: speech.Options{Faster: 3, Lead: 10 * time.Millisecond}})
	id := speaking(t, s, long)
	life, err := s.Service.Stop(within(t))
	must(t, err)
	r, err := s.Platform.Await(within(t), id, "horn-1")
	if err != nil || r.Status != wire.Done {
		t.Errorf("%+v %v", r, err)
	}
	if u := s.Horns[0].Chip.Utterances(); life.How != "exit 0" || u[len(u)-1].Cut {
		t.Errorf("%s, %+v", life.How, u)
	}
}

// TestShutdownFinishHasAnEnd: and cut when wait_s is over.
func TestShutdownFinishHasAnEnd(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1, Extra: "shutdown: {mode: finish, wait_s: 1}\n", Speech: slow()})
	id := speaking(t, s, long)
	asked := time.Now()
	life, err := s.Service.Stop(within(t))
	must(t, err)
	r, err := s.Platform.Await(within(t), id, "horn-1")
	if err != nil || r.Reason != wire.Shutdown || life.How != "exit 0" || life.Ended.Sub(asked) > 6*time.Second {
		t.Errorf("%+v %v; %s after %v", r, err, life.How, life.Ended.Sub(asked))
	}
}

// TestSafe: -safe stops a turning dome three times and drops the amplifier within 2 s,
// although a port is not there.
func TestSafe(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: 2, Speech: slow(), Restart: -1})
	speaking(t, s, long)
	_, err := s.Platform.TakeStick(within(t), "dome-1", wire.Speeds{Pan: 1}, platform.Hold{Lease: 5 * time.Second})
	must(t, err)
	soon(t, "motion", func() bool { _, moving := s.Domes[0].MovingSince(); return moving })
	must(t, s.Horns[1].Wire.Unplug())
	stops := len(s.Domes[0].Stops())
	must(t, s.Service.Kill9())
	must(t, s.Service.WaitEnded(within(t), 1))
	safe := s.Service.Lives()[0].Safe
	soon(t, "rest", func() bool { _, moving := s.Domes[0].MovingSince(); return !moving })
	if took := safe.Ended.Sub(safe.Started); took > 2*time.Second || safe.How != "exit 1" {
		t.Errorf("%s after %v; a port that is missing has to be told", safe.How, took)
	}
	if n := len(s.Domes[0].Stops()) - stops; n < 3 || s.Pins.Level(0) || !silenced(t, s.Horns[0]) {
		t.Errorf("%d stops, amplifier %v, said %+v", n, s.Pins.Level(0), s.Horns[0].Chip.Utterances())
	}
}

// TestStartStopsTheDome: what turned before the daemon came is stopped three times before
// it is ready.
func TestStartStopsTheDome(t *testing.T) {
	s := live(t, street.Options{Horns: -1})
	ready := s.Service.Lives()[0].Ready
	// The simulated wire may be a little behind the daemon.
	soon(t, "three stops", func() bool { return len(s.Domes[0].Stops()) >= 3 })
	stops := s.Domes[0].Stops()
	if len(stops) != 3 || stops[2].After(ready.Add(100*time.Millisecond)) {
		t.Errorf("stops at %v, ready at %v", stops, ready)
	}
}
