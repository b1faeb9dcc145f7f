// Package platform plays the central platform for one gateway: it signs orders, answers
// presences with time beacons, holds a stick, and keeps typed books of all that the
// gateway says, so that what was sent, seen, lost and doubled can be counted exactly. It
// can also misbehave: forge, alter, replay, retain.
//
// It shares the message types (edge/wire), the transport (edge/uplink/mqtt) and the signer
// (edge/authority) with the gateway, for these are the contract's two ends; everything
// else it does by itself.
package platform
