// Package interop tries the real daemon with brokers that are none of ours: Mosquitto and
// nats-server as Debian has them, with client certificates and the access rules that
// edgectl acl writes. Its tests have the build tag interop; make interop installs what they
// need.
package interop
