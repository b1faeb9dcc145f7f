package uplink

import (
	"crypto/rand"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

const (
	// loopWait is how long a nonce may take to come back.
	loopWait = 10 * time.Second
	// loopAgain is when it is tried again after it did not.
	loopAgain = 5 * time.Minute
)

// condACL is raised while the broker takes our publications and drops them, or does not
// give us our own topics: an ACL that denies says nothing (Mosquitto answers PUBACK).
const condACL = "uplink.acl"

// loopTest publishes a nonce to the gateway's own loop topic in every session and waits
// for it to come back.
type loopTest struct {
	nonce  string
	sent   time.Time // zero: not under way
	failed time.Time // zero: it came back, or is not known yet
}

// begin makes the message of a test.
func (l *link) testLoop(now time.Time) {
	l.loop.nonce, l.loop.sent = rand.Text(), now
	l.first = append(l.first, item{msg: mqtt.Message{
		Topic: l.u.topics.Of(l.u.c.Gateway, wire.ChanLoop), QoS: 1, Payload: []byte(`{"nonce":"` + l.loop.nonce + `"}`),
	}})
}

// looped takes what came on the loop topic.
func (l *link) looped(payload []byte) {
	if l.loop.sent.IsZero() || string(payload) != `{"nonce":"`+l.loop.nonce+`"}` {
		return // of an earlier session, or somebody else's
	}
	l.loop.sent, l.loop.failed = time.Time{}, time.Time{}
	l.u.count(func(s *Stats) { s.Verified = true })
	l.u.c.Notice(condACL, "", false)
}

// checkLoop looks whether a test is overdue, or due again.
func (l *link) checkLoop(now time.Time) {
	switch {
	case !l.loop.sent.IsZero() && now.Sub(l.loop.sent) >= loopWait:
		l.loop.sent, l.loop.failed = time.Time{}, now
		l.u.count(func(s *Stats) { s.Verified = false })
		l.u.c.Notice(condACL, "what is published to "+l.u.topics.Of(l.u.c.Gateway, wire.ChanLoop)+" does not come back", true)
		l.u.c.Log.Error("the broker drops what we publish, or does not give us our own topics", "topic", l.u.topics.Of(l.u.c.Gateway, wire.ChanLoop))
	case !l.loop.failed.IsZero() && now.Sub(l.loop.failed) >= loopAgain:
		l.loop.failed = time.Time{}
		l.testLoop(now)
	}
}

// loopIn is how long until checkLoop has something to do, 0 for never.
func (l *link) loopIn(now time.Time) time.Duration {
	switch {
	case !l.loop.sent.IsZero():
		return max(loopWait-now.Sub(l.loop.sent), time.Millisecond)
	case !l.loop.failed.IsZero():
		return max(loopAgain-now.Sub(l.loop.failed), time.Millisecond)
	}
	return 0
}
