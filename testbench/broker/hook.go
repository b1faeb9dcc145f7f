package broker

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// hook is where mochi asks and tells.
type hook struct {
	mqtt.HookBase
	b *Broker
	// routers send on what was taken from clients of MQTT 3.1.1 and of MQTT 5.
	routers map[byte]*mqtt.Client
}

// newHook makes the hook of one run of the broker; it has to be given its server.
func newHook(b *Broker) *hook { return &hook{b: b, routers: map[byte]*mqtt.Client{}} }

// serve makes the routers.
func (h *hook) serve(s *mqtt.Server) {
	for _, version := range []byte{4, 5} {
		r := s.NewClient(nil, mqtt.LocalListener, "router", true)
		r.Properties.ProtocolVersion = version
		h.routers[version] = r
	}
}

// ID implements mqtt.Hook.
func (*hook) ID() string { return "testbench" }

// Provides implements mqtt.Hook.
func (*hook) Provides(what byte) bool {
	return slices.Contains([]byte{
		mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnDisconnect,
		mqtt.OnPublish, mqtt.OnPublishDropped, mqtt.OnPacketSent, mqtt.OnWill, mqtt.OnSubscribed, mqtt.OnUnsubscribed,
	}, what)
}

// OnConnectAuthenticate lets in whose client id is the common name of its certificate. A
// tool (ctl-…) may add a word of its own, for it may be there twice.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, _ packets.Packet) bool {
	name := commonName(cl)
	ok := h.b.o.TLS == nil || name == cl.ID || strings.HasPrefix(name, "ctl-") && strings.HasPrefix(cl.ID, name+"-")
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	if !ok {
		h.b.counts.Refused++
	}
	return ok
}

func commonName(cl *mqtt.Client) string {
	conn, ok := cl.Net.Conn.(*tls.Conn)
	if !ok {
		return ""
	}
	if certs := conn.ConnectionState().PeerCertificates; len(certs) > 0 {
		return certs[0].Subject.CommonName
	}
	return ""
}

// OnSessionEstablish closes the older connection of the same client, before mochi would
// send it a DISCONNECT, which no MQTT 3.1.1 client may get from a server.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	h.b.mu.Lock()
	s := h.b.server
	h.b.mu.Unlock()
	if s == nil {
		return
	}
	if old, ok := s.Clients.Get(cl.ID); ok && old != cl {
		old.Stop(errTaken)
	}
}

// OnSessionEstablished counts.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	if cl.Net.Inline {
		return
	}
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.b.counts.Connects++
	h.b.sessions[cl.ID]++
	h.b.online[cl.ID] = true
	h.b.mu.Changed()
}

// OnDisconnect counts; a client that was taken over is still online.
func (h *hook) OnDisconnect(cl *mqtt.Client, _ error, expire bool) {
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.b.counts.Disconnects++
	if s := h.b.server; s != nil {
		if now, ok := s.Clients.Get(cl.ID); ok && now != cl && !now.Closed() {
			return
		}
	}
	delete(h.b.online, cl.ID)
	if expire {
		delete(h.b.subs, cl.ID)
	}
	h.b.mu.Changed()
}

// OnACLCheck is asked about subscriptions and deliveries here; publishes pass, for
// OnPublish throws away what is denied.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	return write || h.b.allowed(cl, topic, false)
}

// allowed are the access rules: a gateway stays below its own name, and hears groups.
// What is sent down to it, it may not send itself. A tool (ctl-…) may do all.
func (b *Broker) allowed(cl *mqtt.Client, topic string, write bool) bool {
	if cl.Net.Inline {
		return true
	}
	if b.o.Deny != nil && b.o.Deny(cl.ID, topic, write) {
		return false
	}
	if b.o.TLS == nil || strings.HasPrefix(cl.ID, "ctl-") {
		return true
	}
	below, own := strings.CutPrefix(topic, b.o.Root+"/v1/"+cl.ID+"/")
	if !write {
		return own || strings.HasPrefix(topic, b.o.Root+"/v1/group/")
	}
	channel, _, _ := strings.Cut(below, "/")
	return own && !slices.Contains([]string{"command", "stop", "session", "ack", "time"}, channel)
}

// OnPublish sees each message as it arrives and throws away what is denied; that is
// acknowledged all the same, as by Mosquitto. mochi would send PUBACK first and give the
// message to its subscribers afterwards; here it goes through a router at once, and
// comes by a second time, then to be numbered.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	version := min(max(cl.Properties.ProtocolVersion, 4), 5)
	router := h.routers[version]
	if cl == h.routers[4] || cl == h.routers[5] {
		pk.Created = h.b.next()
		return pk, nil
	}
	allowed := h.b.allowed(cl, pk.TopicName, true)
	h.b.arrived(Message{
		At: time.Now(), Client: cl.ID, Topic: pk.TopicName, Payload: slices.Clone(pk.Payload), QoS: pk.FixedHeader.Qos,
		Retain: pk.FixedHeader.Retain, Dup: pk.FixedHeader.Dup, Denied: !allowed, PacketID: pk.PacketID,
	})
	h.b.mu.Lock()
	s := h.b.server
	h.b.mu.Unlock()
	if allowed && s != nil {
		if err := s.InjectPacket(router, pk); err != nil {
			h.b.o.Log.Warn("message not routed", "topic", pk.TopicName, "error", err)
		}
	}
	return pk, packets.CodeSuccessIgnore
}

// next numbers a message.
func (b *Broker) next() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.number++
	return b.number
}

// arrived writes a message down.
func (b *Broker) arrived(m Message) {
	b.mu.Lock()
	b.counts.Published++
	if m.Denied {
		b.counts.Denied++
	}
	if !b.o.Forget {
		b.log = append(b.log, m)
	}
	taps := b.taps
	b.mu.Changed()
	b.mu.Unlock()
	for _, tap := range taps {
		tap(m)
	}
}

// OnWill sees the wills of those whose connection broke.
func (h *hook) OnWill(cl *mqtt.Client, w mqtt.Will) (mqtt.Will, error) {
	denied := !h.b.allowed(cl, w.TopicName, true)
	h.b.arrived(Message{
		At: time.Now(), Client: cl.ID, Topic: w.TopicName, Payload: slices.Clone(w.Payload), QoS: w.Qos, Retain: w.Retain,
		Denied: denied, Will: true,
	})
	if denied {
		w.TopicName, w.Retain = "denied", false
	}
	return w, nil
}

// OnPublishDropped counts what found a queue full.
func (h *hook) OnPublishDropped(*mqtt.Client, packets.Packet) {
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.b.counts.Dropped++
}

// OnPacketSent counts deliveries.
func (h *hook) OnPacketSent(_ *mqtt.Client, pk packets.Packet, _ []byte) {
	if pk.FixedHeader.Type != packets.Publish {
		return
	}
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.b.counts.Delivered++
}

// OnSubscribed writes down what was granted.
func (h *hook) OnSubscribed(cl *mqtt.Client, pk packets.Packet, codes []byte) {
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	for i, f := range pk.Filters {
		if codes[i] < packets.ErrUnspecifiedError.Code && !slices.Contains(h.b.subs[cl.ID], f.Filter) {
			h.b.subs[cl.ID] = append(h.b.subs[cl.ID], f.Filter)
		}
	}
	h.b.mu.Changed()
}

// OnUnsubscribed forgets.
func (h *hook) OnUnsubscribed(cl *mqtt.Client, pk packets.Packet) {
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	for _, f := range pk.Filters {
		h.b.subs[cl.ID] = slices.DeleteFunc(h.b.subs[cl.ID], func(s string) bool { return s == f.Filter })
	}
	h.b.mu.Changed()
}
