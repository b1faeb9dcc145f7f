package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"fuqiao/edged/edge/wire"
)

// TestInventoryInParts: 300 devices with long Chinese names are in parts of 32 KiB at most,
// each device once and in order, the hash is of the parts as they stand, and the same
// devices give the same parts.
func TestInventoryInParts(t *testing.T) {
	encode := func(v any) []byte {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, n := range []int{0, 1, 300} {
		var devices []wire.DeviceInfo
		for i := range n {
			devices = append(devices, wire.DeviceInfo{
				ID: fmt.Sprintf("horn-%03d", n-1-i), Name: fmt.Sprintf("小闸口社区菜市场东门外第%d号广播柱", i), Address: "福桥街道小闸口社区菜市场东门外五十米路灯杆",
				Kind: "speaker", Driver: "syn6288", Powers: []string{"speaker.say", "speaker.stop"}, Groups: []string{"market"}, Grid: "370811001",
			})
		}
		parts, sum := inParts(wire.InventoryPart{Contract: wire.Contract, Actions: []wire.Action{wire.SpeakerSay}}, devices, encode)
		h, seen := sha256.New(), 0
		for i, raw := range parts {
			if len(raw) > wire.MaxInventoryPart {
				t.Errorf("part %d has %d bytes", i+1, len(raw))
			}
			h.Write(raw)
			var p wire.InventoryPart
			if err := json.Unmarshal(raw, &p); err != nil || p.Part != i+1 || (p.Contract == wire.Contract) != (i == 0) {
				t.Errorf("part %d: %v %+v", i+1, err, p)
			}
			for _, d := range p.Devices {
				if d.ID != fmt.Sprintf("horn-%03d", seen) {
					t.Fatalf("device %d is %s", seen, d.ID)
				}
				seen++
			}
		}
		if sum != hex.EncodeToString(h.Sum(nil)) || seen != n || (len(parts) > 1) != (n == 300) {
			t.Errorf("%d devices: %d in %d parts", n, seen, len(parts))
		}
		again, _ := inParts(wire.InventoryPart{Contract: wire.Contract, Actions: []wire.Action{wire.SpeakerSay}}, devices, encode)
		for i := range parts {
			if !bytes.Equal(parts[i], again[i]) {
				t.Errorf("part %d is another the second time", i+1)
			}
		}
	}
}
