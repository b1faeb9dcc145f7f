package uplink

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPromise32_SilentACL: a broker that acknowledges what its ACL throws away, or does not
// give us our own topics, is found out in ten seconds, and the condition goes when it is
// mended.
func TestPromise32_SilentACL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		var deny atomic.Bool
		s.deny = func(topic string) bool { return deny.Load() && strings.HasSuffix(topic, "/loop") }
		r := newRig(s, nil).run(t.Context())
		time.Sleep(5 * time.Second)
		if _, raised := r.n.get(condACL); raised || !r.Stats().Verified {
			t.Fatal("a good broker is not seen as one")
		}
		deny.Store(true)
		r.s.cut()
		time.Sleep(15 * time.Second)
		if detail, raised := r.n.get(condACL); !raised || !strings.Contains(detail, "/loop") || r.Stats().Verified || !r.Online() {
			t.Errorf("%q, %v, %+v", detail, raised, r.Stats())
		}
		deny.Store(false)
		time.Sleep(loopAgain + time.Second)
		if _, raised := r.n.get(condACL); raised || !r.Stats().Verified {
			t.Error("the condition stays")
		}
		// Somebody else's words on our topic prove nothing.
		deny.Store(true)
		r.s.cut()
		time.Sleep(time.Second)
		s.say(t, "fuqiao/v1/gw-1/loop", `{"nonce":"x"}`, false, 1)
		time.Sleep(15 * time.Second)
		if _, raised := r.n.get(condACL); !raised {
			t.Error("another nonce is taken for ours")
		}
		r.end()
	})
}
