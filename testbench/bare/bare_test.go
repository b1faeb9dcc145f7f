package bare_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/testbench/bare"
	"fuqiao/edged/testbench/broker"
	"fuqiao/edged/testbench/pki"
	"fuqiao/edged/testbench/serial"
)

func TestMain(m *testing.M) {
	bare.Main(os.Exit)
	os.Exit(m.Run())
}

// TestRelay: the first bytes of a message come out at the serial port, over TLS as over
// plain TCP, and the relay ends when it is told to.
func TestRelay(t *testing.T) {
	dir := t.TempDir()
	ca, err := pki.New(filepath.Join(dir, "pki"), "street")
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server("broker")
	if err != nil {
		t.Fatal(err)
	}
	tls, err := ca.ServerTLS(server)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client("ctl-relay")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]broker.Options{"plain": {}, "tls": {TLS: tls}} {
		t.Run(name, func(t *testing.T) {
			b, err := broker.New(o)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			w, err := serial.New(serial.Options{Link: filepath.Join(dir, name), Baud: 115200})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			r, err := bare.StartRelay(t.Context(), bare.RelayConfig{
				Broker: b.URL(), CA: ca.File(), Cert: client.Cert, Key: client.Key,
				ClientID: "ctl-relay", Topic: "fuqiao/bare", QoS: 1, Port: w.Link(), Bytes: 7,
			})
			if err != nil {
				t.Fatal(err)
			}
			heard := make(chan serial.Frame, 8)
			w.Tap(func(f serial.Frame) { heard <- f })
			want := []byte("\xFF\x01\x00\x07\x00\x01\x09")
			if err := b.Publish("fuqiao/bare", append(bytes.Clone(want), "padding"...), false, 1); err != nil {
				t.Fatal(err)
			}
			select {
			case f := <-heard:
				if !bytes.Equal(f.Data, want) {
					t.Errorf("heard % X", f.Data)
				}
			case <-time.After(5 * time.Second):
				t.Error("nothing came out")
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRelayRefused: a relay that finds no broker says so instead of hanging.
func TestRelayRefused(t *testing.T) {
	if _, err := bare.StartRelay(t.Context(), bare.RelayConfig{Broker: "mqtt://127.0.0.1:1", Port: "/dev/null"}); err == nil {
		t.Error("connected to nothing")
	}
}

// TestLog: what was appended by many writers stands in the file, each record once and
// whole, and the file does not grow.
func TestLog(t *testing.T) {
	const writers, each, size = 8, 16, 1 << 20
	path := filepath.Join(t.TempDir(), "log")
	l, err := bare.NewLog(path, size, writers)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				rec := bytes.Repeat([]byte{byte(1 + w*each + i)}, 1024)
				if err := l.Append(rec); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[byte]int{}
	for at := 0; at < writers*each*1024; at += 1024 {
		if rec := data[at : at+1024]; bytes.Count(rec, rec[:1]) == 1024 {
			seen[rec[0]]++
		}
	}
	if len(data) != size || len(seen) != writers*each {
		t.Errorf("%d bytes, %d records of %d", len(data), len(seen), writers*each)
	}
}

// TestLogRound: at its end the log begins again at the front.
func TestLogRound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := bare.NewLog(path, 4096, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if err := l.Append(bytes.Repeat([]byte{byte(i)}, 1024)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) != 4096 || data[0] != 8 || data[1024] != 5 {
		t.Errorf("%v, %d bytes, begins with %d", err, len(data), data[0])
	}
}
