package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// access is how a command reaches the broker, as whom it signs, and for which box.
type access struct {
	broker, ca, cert, key string
	root, gateway         string
	sign, kid             string
}

// flags adds the flags of access; each has an environment variable of its name.
func (t *tool) access(c *cobra.Command, signs bool) *access {
	a := &access{}
	flag := func(p *string, name, env, preset, text string) {
		if v := t.env(env); v != "" {
			preset = v
		}
		c.Flags().StringVar(p, name, preset, t.p.Say(text)+" [$"+env+"]")
	}
	flag(&a.broker, "broker", "EDGECTL_BROKER", "", "the broker: mqtts://host:port, or mqtt:// on this machine")
	flag(&a.ca, "ca", "EDGECTL_CA", "", "PEM file of the broker's CA")
	flag(&a.cert, "cert", "EDGECTL_CERT", "", "PEM file of this tool's certificate (its name begins with ctl-)")
	flag(&a.key, "cert-key", "EDGECTL_CERT_KEY", "", "PEM file of the certificate's key")
	flag(&a.root, "root", "EDGECTL_ROOT", "fuqiao", "first level of every topic")
	flag(&a.gateway, "gateway", "EDGECTL_GATEWAY", "", "the gateway's id")
	if signs {
		flag(&a.sign, "sign", "EDGECTL_SIGN", "", "key file that signs the order (edgectl keys new)")
		flag(&a.kid, "kid", "EDGECTL_KID", "", "id of that key in the trust file (default: made from the key)")
	}
	return a
}

// signer reads the key.
func (t *tool) signer(a *access) (*authority.Signer, error) {
	if a.sign == "" {
		return nil, usage(t.p.Sprintf("no key to sign with; give --sign FILE"))
	}
	key, err := authority.ReadKey(a.sign)
	if err != nil {
		return nil, err
	}
	kid := a.kid
	if kid == "" {
		kid = authority.KidOf(public(key))
	}
	return authority.NewSigner(key, kid)
}

// connect opens a session under a ctl-… name and never under a gateway's.
func (t *tool) connect(ctx context.Context, a *access, receive func(mqtt.Message)) (*mqtt.Session, error) {
	switch {
	case a.broker == "":
		return nil, usage(t.p.Sprintf("no broker; give --broker URL"))
	case !wire.ValidID(a.gateway):
		return nil, usage(t.p.Sprintf("%q is no gateway's id; give --gateway ID", a.gateway))
	}
	o := mqtt.Options{Broker: a.broker, ClientID: mqtt.ToolPrefix + suffix(), Clean: true, TLS: nil}
	if strings.HasPrefix(a.broker, "mqtts:") {
		cfg, err := t.tls(a)
		if err != nil {
			return nil, err
		}
		o.TLS = cfg
		name, err := mqtt.CommonName(cfg)
		if err != nil {
			return nil, err
		}
		// Two terminals with one certificate must not throw each other out.
		o.ClientID = name + "-" + suffix()
	}
	s, err := mqtt.Connect(ctx, o, func(m mqtt.Message) {
		receive(m)
		m.Ack()
	})
	if err != nil {
		_, why := mqtt.Explain(err)
		return nil, fmt.Errorf("%s: %w", why, err)
	}
	return s, nil
}

func (t *tool) tls(a *access) (*tls.Config, error) {
	cfg, err := mqtt.TLS(a.ca, a.cert, a.key, time.Now)
	if err != nil {
		return nil, err
	}
	return cfg, mqtt.CheckTool(cfg)
}

func suffix() string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
