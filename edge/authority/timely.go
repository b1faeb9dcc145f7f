package authority

import (
	"fmt"
	"time"

	"fuqiao/edged/edge/wire"
)

// Verdict is what the time says to an order.
type Verdict uint8

// The verdicts.
const (
	Valid      Verdict = iota
	Expired            // not_after has passed, or may have
	Early              // not_before lies ahead: it has to wait
	NeedsClock         // the time is not known: it waits for a beacon
	Future             // a stop issued more than 5 s ahead of now
)

// String is the verdict's word.
func (v Verdict) String() string {
	if int(v) < 5 {
		return [...]string{"valid", "expired", "early", "needs clock", "future"}[v]
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// aheadLimit is how far in the future a stop may have been issued.
const aheadLimit = 5 * time.Second

// Timely judges o at the time now, which may be off by err in either direction; known
// tells whether the time may be acted on at all. A stop acts also without a clock,
// and waits for no not_before.
func Timely(o *wire.Order, now time.Time, err time.Duration, known bool) Verdict {
	stop := o.Action.Stop()
	switch {
	case !known && stop:
		return Valid
	case !known:
		return NeedsClock
	case now.Add(err).After(o.NotAfter):
		return Expired
	case stop && o.Issued.After(now.Add(err+aheadLimit)):
		return Future
	case !stop && o.NotBefore.After(now):
		return Early
	}
	return Valid
}

// window is a time of day, in minutes since midnight at the offset; from > to goes
// over midnight.
type window struct {
	from, to int
	offset   time.Duration
}

// parseWindow reads "07:00-21:00+08:00".
func parseWindow(s string) (window, error) {
	var fh, fm, th, tm, oh, om int
	var sign rune
	n, err := fmt.Sscanf(s, "%02d:%02d-%02d:%02d%c%02d:%02d", &fh, &fm, &th, &tm, &sign, &oh, &om)
	if err != nil || n != 7 || len(s) != len("07:00-21:00+08:00") || sign != '+' && sign != '-' ||
		!clockTime(fh, fm) || !clockTime(th, tm) || fh*60+fm == th*60+tm || oh < 0 || oh > 14 || om < 0 || om > 59 {
		return window{}, fmt.Errorf("%q is not of the form 07:00-21:00+08:00", s)
	}
	off := time.Duration(oh)*time.Hour + time.Duration(om)*time.Minute
	if sign == '-' {
		off = -off
	}
	return window{from: fh*60 + fm, to: th*60 + tm, offset: off}, nil
}

// clockTime: 00:00 … 24:00.
func clockTime(h, m int) bool {
	return h >= 0 && m >= 0 && m <= 59 && (h <= 23 || h == 24 && m == 0)
}

// inHours tells whether now lies in one of the windows; none means always.
func inHours(ws []window, now time.Time) bool {
	for _, w := range ws {
		t := now.UTC().Add(w.offset)
		m := t.Hour()*60 + t.Minute()
		if w.from <= w.to && m >= w.from && m < w.to || w.from > w.to && (m >= w.from || m < w.to) {
			return true
		}
	}
	return len(ws) == 0
}

// bucket is one key's allowance; it fills by the monotonic clock.
type bucket struct {
	tokens float64
	at     time.Time
}

// Take counts an order against the rate of each key that signed it, and tells
// whether it is within. It is asked once per order that is really new, never for
// repeats, so that nobody can use up a key's allowance by sending its orders again.
// Stops are not counted.
func (a *Authority) Take(o *wire.Order) bool {
	t := a.trust.Load()
	if t == nil || o.Action.Stop() {
		return t != nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, kid := range o.Kids {
		if k := t.keys[kid]; k != nil && k.Rate != nil && !a.take(kid, *k.Rate) {
			return false
		}
	}
	return true
}

func (a *Authority) take(kid string, r Rate) bool {
	burst := float64(r.Burst)
	if r.Burst == 0 {
		burst = float64(r.PerMinute)
	}
	now := time.Now()
	b := a.rates[kid]
	if b == nil {
		b = &bucket{tokens: burst, at: now}
		a.rates[kid] = b
	}
	b.tokens = min(burst, b.tokens+now.Sub(b.at).Minutes()*float64(r.PerMinute))
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
