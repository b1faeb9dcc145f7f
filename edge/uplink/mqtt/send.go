package mqtt

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// request is one call into paho that may wait for the socket.
type request struct {
	do    func(paho.Client) paho.Token
	reply chan paho.Token // has a place: the asker may have gone
}

// send makes every call into paho that may wait for the socket, acknowledgements
// first. It ends with the session; one that the library holds in a call then, at the
// latest after Options.WriteTimeout.
func (s *Session) send() {
	for {
		select {
		case ack := <-s.acks:
			ack()
			continue
		default:
		}
		select {
		case <-s.over:
			return
		case ack := <-s.acks:
			ack()
		case r := <-s.out:
			r.reply <- r.do(s.client)
		}
	}
}

// ask hands a call to the sender and waits until paho has taken it.
func (s *Session) ask(ctx context.Context, do func(paho.Client) paho.Token) (paho.Token, error) {
	r := request{do: do, reply: make(chan paho.Token, 1)}
	select {
	case s.out <- r:
	case <-s.over:
		return nil, s.lost()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case t := <-r.reply:
		return t, nil
	case <-s.over:
		return nil, s.lost()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wait waits for the answer to a call.
func (s *Session) wait(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-s.over:
		return s.lost()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lost is the error of a call on a session that is over.
func (s *Session) lost() error {
	if why := s.g.Load().why; why != nil {
		return fmt.Errorf("session lost: %w", why)
	}
	return fmt.Errorf("session closed: %w", net.ErrClosed)
}

// Receipt is a message on its way.
type Receipt struct {
	token paho.Token
	// Sent is when it was handed to the socket's queue (monotonic).
	Sent time.Time
}

// Done is closed at PUBACK (QoS 1) or when written (QoS 0). After the end of the
// session it may stay open for ever: select on Session.Done as well.
func (r Receipt) Done() <-chan struct{} { return r.token.Done() }

// Delivered tells, without waiting, whether the message is known to have arrived. An
// error of the library is not proof of the contrary: the message may be sent later,
// so it is kept and sent again with the same identity.
func (r Receipt) Delivered() bool {
	select {
	case <-r.token.Done():
		return r.token.Error() == nil
	default:
		return false
	}
}

// Publish hands a message to the socket's queue and returns; messages leave in the
// order of the calls. An error other than ctx's means that the session is over or is
// being ended, and that it is unknown whether the message was sent.
func (s *Session) Publish(ctx context.Context, m Message) (Receipt, error) {
	sent := time.Now()
	t, err := s.ask(ctx, func(c paho.Client) paho.Token { return c.Publish(m.Topic, m.QoS, m.Retained, m.Payload) })
	if err != nil {
		return Receipt{}, fmt.Errorf("publish to %s: %w", m.Topic, err)
	}
	select {
	case <-t.Done():
		if err := t.Error(); err != nil {
			err = fmt.Errorf("publish to %s: %w", m.Topic, err)
			s.Abort(err) // the library is out of step with the socket
			return Receipt{}, err
		}
	default:
	}
	return Receipt{token: t, Sent: sent}, nil
}

// Published publishes and waits for the PUBACK (QoS 1) or the write (QoS 0).
func (s *Session) Published(ctx context.Context, m Message) error {
	r, err := s.Publish(ctx, m)
	if err != nil {
		return err
	}
	if err := s.wait(ctx, r.token); err != nil {
		return fmt.Errorf("publish to %s: %w", m.Topic, err)
	}
	return nil
}

// Subscribe asks for all filters, each with its greatest QoS, and waits for the
// broker's answer. A filter that is refused, or granted at a lower QoS than asked, is
// a Denial.
func (s *Session) Subscribe(ctx context.Context, filters map[string]byte) error {
	if len(filters) == 0 {
		return nil
	}
	t, err := s.ask(ctx, func(c paho.Client) paho.Token { return c.SubscribeMultiple(filters, nil) })
	if err == nil {
		err = s.wait(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	sub, ok := t.(*paho.SubscribeToken)
	if !ok {
		return fmt.Errorf("subscribe: unexpected token %T", t)
	}
	granted := sub.Result()
	for _, filter := range slices.Sorted(maps.Keys(filters)) {
		code, ok := granted[filter]
		switch {
		case !ok || code >= 0x80: // section 3.9.3
			return Denial{Filter: filter, Wanted: filters[filter], Code: 0x80}
		case code < filters[filter]:
			return Denial{Filter: filter, Wanted: filters[filter], Code: code}
		}
	}
	return nil
}

// Unsubscribe takes filters back and waits for the broker's answer.
func (s *Session) Unsubscribe(ctx context.Context, filters ...string) error {
	if len(filters) == 0 {
		return nil
	}
	t, err := s.ask(ctx, func(c paho.Client) paho.Token { return c.Unsubscribe(filters...) })
	if err == nil {
		err = s.wait(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}
