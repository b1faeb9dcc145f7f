package uplink

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

const commandTopic = "fuqiao/v1/gw-1/command"

// Orders, stops and frames reach their queues with topic, payload and marks.
func TestQueues(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.s.say(t, commandTopic, "order", false, 1)
		r.s.say(t, "fuqiao/v1/group/market/stop", "stop", false, 0)
		r.s.say(t, "fuqiao/v1/gw-1/session/s1", "frame", false, 0)
		r.s.say(t, "fuqiao/v1/group/other/command", "not ours", false, 1)
		order, stop, frame := <-r.Orders(), <-r.Stops(), <-r.Frames()
		if order.Topic != commandTopic || string(order.Payload) != "order" || order.QoS != 1 || order.Retained || order.Duplicate {
			t.Errorf("order %+v", order)
		}
		if stop.Topic != "fuqiao/v1/group/market/stop" || string(stop.Payload) != "stop" || stop.QoS != 0 {
			t.Errorf("stop %+v", stop)
		}
		if frame.Topic != "fuqiao/v1/gw-1/session/s1" || string(frame.Payload) != "frame" {
			t.Errorf("frame %+v", frame)
		}
		order.Ack()
		stop.Ack() // of QoS 0: nothing
		time.Sleep(time.Second)
		r.s.cut()
		time.Sleep(2 * time.Second)
		if len(r.Orders()) != 0 {
			t.Error("an acknowledged order came again")
		}
		r.s.say(t, commandTopic, "left", false, 1)
		<-r.Orders()
		r.s.cut()
		time.Sleep(2 * time.Second)
		if again := <-r.Orders(); string(again.Payload) != "left" || !again.Duplicate {
			t.Errorf("an order that was not acknowledged: %+v", again)
		}
	})
}

// Promise 18: an order that the broker had retained carries the mark to the order
// desk; one that reaches a live subscriber carries none, whatever its sender asked.
func TestPromise18_RetainedMarkReachesTheDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		s.say(t, commandTopic, "stored", true, 1)
		s.say(t, "fuqiao/v1/gw-1/session/s1", "stored frame", true, 0)
		r := newRig(s, nil).run(t.Context())
		time.Sleep(time.Second)
		if in := <-r.Orders(); string(in.Payload) != "stored" || !in.Retained {
			t.Errorf("%+v", in)
		}
		if len(r.Frames()) != 0 || r.Stats().Stray != 1 {
			t.Errorf("a retained frame was passed on, or not counted: %+v", r.Stats())
		}
		s.say(t, commandTopic, "live", true, 1)
		if in := <-r.Orders(); string(in.Payload) != "live" || in.Retained {
			t.Errorf("%+v", in)
		}
		r.end()
	})
}

// A payload over the limit costs no more than the limit.
func TestOversizedOrder(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.s.say(t, commandTopic, strings.Repeat("x", 200<<10), false, 1)
		if in := <-r.Orders(); len(in.Payload) != wire.MaxCommand+1 {
			t.Errorf("%d bytes kept", len(in.Payload))
		}
	})
}

// Two hundred orders meet a desk that does nothing for a while: stops pass, none is
// lost, none comes unmarked a second time.
func TestFullQueue(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		for i := range 200 {
			r.s.say(t, commandTopic, fmt.Sprint(i), false, 1)
		}
		r.s.say(t, "fuqiao/v1/gw-1/stop", "stop", false, 1)
		stop := <-r.Stops()
		stop.Ack()
		time.Sleep(5 * time.Second)
		if len(r.Orders()) != queueOrders || !r.Online() {
			t.Fatalf("%d queued, online %v", len(r.Orders()), r.Online())
		}
		if _, ok := r.n.get(condDropped); !ok {
			t.Error("nobody was told")
		}
		if n := r.Stats().DroppedOrders; n != 200-queueOrders {
			t.Errorf("%d dropped", n)
		}
		seen := map[string]int{}
		for len(seen) < 200 {
			in := <-r.Orders()
			seen[string(in.Payload)]++
			if seen[string(in.Payload)] > 1 && !in.Duplicate {
				t.Errorf("order %s came twice unmarked", in.Payload)
			}
			in.Ack()
		}
		time.Sleep(5 * time.Second)
		if len(r.Orders()) != 0 {
			t.Errorf("%d orders came again", len(r.Orders()))
		}
		if d, ok := r.n.get(condDropped); ok {
			t.Errorf("still raised: %s", d)
		}
		if r.s.goodbyes() == 0 {
			t.Error("the session was not reopened by us")
		}
		if st := r.Stats(); st.Session > 5 {
			t.Errorf("%d sessions", st.Session)
		}
	})
}

// Of session frames the newest survive.
func TestFramesKeepTheNewest(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		const sent = queueFrames + 100
		for i := range sent {
			r.s.say(t, "fuqiao/v1/gw-1/session/s1", fmt.Sprint(i), false, 0)
			synctest.Wait()
		}
		var last string
		n := 0
		for len(r.Frames()) > 0 {
			last = string((<-r.Frames()).Payload)
			n++
		}
		if last != fmt.Sprint(sent-1) || n != queueFrames || r.Stats().DroppedFrames != sent-queueFrames {
			t.Errorf("%d frames, the last %s, dropped %d", n, last, r.Stats().DroppedFrames)
		}
	})
}
