package authority

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/edge/wire"
)

func cmpString(a, b string) int { return cmp.Compare(a, b) }

// ready judges one key and prepares it.
func ready(k Key) (*key, error) {
	if !wire.ValidToken(k.Kid) || !wire.ValidToken(k.Person) {
		return nil, errors.New("kid and person are of [A-Za-z0-9._-], 1–64 characters")
	}
	if k.MaxPriority.Rank() < 0 {
		return nil, fmt.Errorf("max_priority: %q is not emergency, urgent, normal or background", k.MaxPriority)
	}
	out := &key{Key: k}
	if k.Alg == AlgEd25519 {
		pub, err := decodeKey(k.Pub)
		if err != nil {
			return nil, fmt.Errorf("pub: %w", err)
		}
		out.pub = pub
	} else if k.Alg == "" || k.Pub == "" {
		return nil, errors.New("alg and pub are needed")
	}
	for _, p := range k.Actions {
		if !actionPattern(p) {
			return nil, fmt.Errorf("actions: %q is no pattern", p)
		}
	}
	for _, p := range k.Targets {
		if _, ok := targetPattern(p, ""); !ok {
			return nil, fmt.Errorf("targets: %q is no pattern", p)
		}
	}
	for _, h := range k.Hours {
		w, err := parseWindow(h)
		if err != nil {
			return nil, fmt.Errorf("hours: %w", err)
		}
		out.hours = append(out.hours, w)
	}
	if r := k.Rate; r != nil && (r.PerMinute < 1 || r.Burst < 0) {
		return nil, errors.New("rate: per_minute is at least 1, burst not below 0")
	}
	return out, nil
}

// actionPattern: *, word, word.word, word.*
func actionPattern(p string) bool {
	if p == "*" {
		return true
	}
	head, tail, dotted := strings.Cut(p, ".")
	return letters(head) && (!dotted || tail == "*" || letters(tail))
}

func letters(s string) bool {
	for i := range len(s) {
		if (s[i] < 'a' || s[i] > 'z') && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

// targetPattern strips a leading "GATEWAY/". ok: it is a pattern; the first value is
// empty where it is meant for another gateway.
func targetPattern(p, gateway string) (string, bool) {
	if gw, rest, narrowed := strings.Cut(p, "/"); narrowed {
		if kind, _ := wire.ParseTarget(rest); kind == wire.BadTarget || !wire.ValidID(gw) {
			return "", false
		}
		if gw != gateway {
			return "", true
		}
		return rest, true
	}
	kind, _ := wire.ParseTarget(p)
	return p, kind != wire.BadTarget
}

// scope tells whether the key has the right s.
func (k *key) scope(s wire.Scope) bool { return matchAction(k.Actions, string(s)) }

func matchAction(patterns []string, s string) bool {
	for _, p := range patterns {
		switch {
		case p == s:
			return true
		case p == "*" && s != string(wire.ScopeTime):
			return true
		case strings.HasSuffix(p, ".*") && strings.HasPrefix(s, p[:len(p)-1]):
			return true
		}
	}
	return false
}

// reaches tells whether the key may touch the device with these addresses on this
// box; device "" is the box itself.
func (k *key) reaches(gateway, device string, addresses []string) bool {
	for _, p := range k.Targets {
		t, _ := targetPattern(p, gateway)
		if t == "*" || t != "" && device != "" && wire.MatchTarget(t, device, addresses) {
			return true
		}
	}
	return false
}

// may checks the rights of every signer for what the order states.
func (a *Authority) may(t *trust, o *wire.Order, signers []*key) error {
	info, _ := wire.Info(o.Action)
	for _, k := range signers {
		if !k.scope(info.Scope) {
			return deny("key %s has no right to %s", k.Kid, info.Scope)
		}
		if !o.Action.Stop() && o.Priority.Rank() > k.MaxPriority.Rank() {
			return deny("key %s may go up to priority %s", k.Kid, k.MaxPriority)
		}
		if !info.Devices && o.Action != wire.CommandCancel && !k.reaches(a.o.Gateway, "", nil) {
			return deny("key %s has no right on the box itself", k.Kid)
		}
	}
	if err := a.inTime(o, signers); err != nil {
		return err
	}
	if !info.Offered {
		return &Rejection{Reason: wire.Unsupported, Field: "/action", Detail: string(o.Action) + " is not offered by this version"}
	}
	if t.needsTwo(o) && persons(signers) < 2 {
		return &Rejection{Reason: wire.TwoPerson, Detail: "two different persons must sign this"}
	}
	return nil
}

func deny(format string, args ...any) error {
	return &Rejection{Reason: wire.NotAllowed, Detail: fmt.Sprintf(format, args...)}
}

func persons(signers []*key) int {
	who := map[string]bool{}
	for _, k := range signers {
		who[k.Person] = true
	}
	return len(who)
}

// inTime checks the keys' own times, if the time is known; where it is not, orders
// wait for a beacon and are looked at again with Recheck.
func (a *Authority) inTime(o *wire.Order, signers []*key) error {
	now, _, known := a.o.Now()
	if !known {
		return nil
	}
	for _, k := range signers {
		if !k.NotBefore.IsZero() && now.Before(k.NotBefore) {
			return deny("key %s holds from %s", k.Kid, k.NotBefore.Format(time.RFC3339))
		}
		if !k.NotAfter.IsZero() && now.After(k.NotAfter) {
			return deny("key %s held until %s", k.Kid, k.NotAfter.Format(time.RFC3339))
		}
		if !o.Action.Stop() && !inHours(k.hours, now) {
			return deny("key %s does not hold at this hour (%s)", k.Kid, strings.Join(k.Hours, ", "))
		}
	}
	return nil
}

// Allows tells whether every key that signed o may touch this device: addresses are
// what it is known by besides its id, in the words of targets ("group:market",
// "zone:north", its whole "grid:…", "code:…"). For a key that has been revoked since,
// the answer is no.
func (a *Authority) Allows(o *wire.Order, device string, addresses []string) bool {
	t := a.trust.Load()
	if t == nil || len(o.Kids) == 0 {
		return false
	}
	for _, kid := range o.Kids {
		k, err := t.key(kid)
		if err != nil || !k.reaches(a.o.Gateway, device, addresses) {
			return false
		}
	}
	return true
}

// MayCancel tells whether o's key has the right to cancel orders of other keys.
func (a *Authority) MayCancel(o *wire.Order) bool {
	t := a.trust.Load()
	return t != nil && len(o.Kids) > 0 && !slices.ContainsFunc(o.Kids, func(kid string) bool {
		k, err := t.key(kid)
		return err != nil || !k.scope(wire.ScopeCancel)
	})
}

// Recheck looks again at an order that has waited: its keys must still be there,
// still have the right, and hold now.
func (a *Authority) Recheck(o *wire.Order) error {
	t := a.trust.Load()
	var signers []*key
	for _, kid := range o.Kids {
		if t == nil {
			break
		}
		k, err := t.key(kid)
		if err != nil {
			return &Rejection{Reason: wire.KeyRevoked, Detail: "key " + kid + " is no longer in the trust file"}
		}
		signers = append(signers, k)
	}
	if len(signers) == 0 {
		return &Rejection{Reason: wire.KeyRevoked, Detail: "no trust file"}
	}
	return a.may(t, o, signers)
}

// check judges a two-person rule.
func (r TwoPersonRule) check() error {
	if len(r.Actions) == 0 {
		return errors.New("actions: is empty")
	}
	for _, p := range r.Actions {
		if !actionPattern(p) {
			return fmt.Errorf("actions: %q is no pattern", p)
		}
	}
	if r.Priority != "" && r.Priority.Rank() < 0 {
		return fmt.Errorf("priority: %q is not emergency, urgent, normal or background", r.Priority)
	}
	if kind, _ := wire.ParseTarget(r.Target); r.Target != "" && kind == wire.BadTarget {
		return fmt.Errorf("target: %q is no target", r.Target)
	}
	return nil
}

// needsTwo tells whether a rule asks for two persons. Stops never need two.
func (t *trust) needsTwo(o *wire.Order) bool {
	if o.Action.Stop() {
		return false
	}
	return slices.ContainsFunc(t.rules, func(r TwoPersonRule) bool {
		return matchAction(r.Actions, string(o.Action)) &&
			(r.Priority == "" || o.Priority.Rank() >= r.Priority.Rank()) &&
			(r.Target == "" || slices.Contains(o.Target, r.Target))
	})
}
