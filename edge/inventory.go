package edge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"github.com/google/renameio/v2"

	"fuqiao/edged/edge/wire"
)

// inventory is what does not change by itself, in parts, and its index. Its version rises
// with its content. Parts that an earlier version had and this one has not are empty: so
// the broker forgets them.
func (g *Gateway) inventory() (index []byte, parts [][]byte) {
	first := wire.InventoryPart{Contract: wire.Contract}
	for _, a := range wire.Actions() {
		if a.Offered {
			first.Actions = append(first.Actions, a.Action)
		}
	}
	var devices []wire.DeviceInfo
	f := g.s().File
	for id, d := range f.Devices {
		devices = append(devices, g.deviceInfo(id, d))
	}
	for id, d := range f.Cameras {
		devices = append(devices, g.deviceInfo(id, d))
	}
	for id := range g.remoteOutputs() {
		devices = append(devices, wire.DeviceInfo{ID: id, Kind: "output", Driver: "gpio", Remote: true})
	}
	parts, sum := inParts(first, devices, g.encode)
	was := g.lastInventory()
	now := inventoryNote{Version: was.Version, SHA256: sum, Most: max(was.Most, len(parts))}
	if sum != was.SHA256 {
		now.Version++
	}
	if now != was {
		g.keepInventory(now)
	}
	index = g.encode(wire.InventoryIndex{Version: now.Version, Parts: len(parts), SHA256: sum})
	for len(parts) < now.Most {
		parts = append(parts, nil)
	}
	return index, parts
}

// inParts spreads devices over parts that are each within the contract's bound, and sums
// them up. A device is far smaller than a part: its texts are bounded by the file's own.
func inParts(first wire.InventoryPart, devices []wire.DeviceInfo, encode func(any) []byte) (parts [][]byte, sum string) {
	slices.SortFunc(devices, func(a, b wire.DeviceInfo) int { return cmp.Compare(a.ID, b.ID) })
	h := sha256.New()
	end := func(p wire.InventoryPart) {
		raw := encode(p)
		h.Write(raw)
		parts = append(parts, raw)
	}
	first.Part, first.Devices = 1, []wire.DeviceInfo{}
	p, size := first, len(encode(first))
	for _, d := range devices {
		n := len(encode(d)) + 1
		if size+n > wire.MaxInventoryPart && len(p.Devices) > 0 {
			end(p)
			p = wire.InventoryPart{Part: p.Part + 1, Devices: []wire.DeviceInfo{}}
			size = len(encode(p))
		}
		p.Devices = append(p.Devices, d)
		size += n
	}
	end(p)
	return parts, hex.EncodeToString(h.Sum(nil))
}

// inventoryNote is what the state directory remembers of the last inventory; Most is how
// many parts there ever were.
type inventoryNote struct {
	Version uint64
	SHA256  string
	Most    int
}

func (g *Gateway) lastInventory() (n inventoryNote) {
	raw, err := os.ReadFile(g.s().below("inventory"))
	if err == nil {
		if _, err := fmt.Sscanf(string(raw), "%d %s %d", &n.Version, &n.SHA256, &n.Most); err != nil {
			g.log.Warn("the note of the last inventory cannot be read, its version begins anew", "error", err)
		}
	}
	return n
}

func (g *Gateway) keepInventory(n inventoryNote) {
	if g.state == nil {
		return
	}
	if err := renameio.WriteFile(g.s().below("inventory"), fmt.Appendf(nil, "%d %s %d\n", n.Version, n.SHA256, n.Most), 0o600); err != nil {
		g.log.Warn("the version of the inventory is not kept", "error", err)
	}
}
