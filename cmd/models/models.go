// Package models is the list of the device models that this house can drive. A new
// device is one package below drivers/ and one line here.
package models

import (
	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/pelco"
	"fuqiao/edged/drivers/ttschip"
	"fuqiao/edged/drivers/webhook"
)

// All lists every model, in the order of the documentation.
func All() []drivers.Model {
	return []drivers.Model{
		pelco.D(),
		ttschip.SYN6288(),
		webhook.Model(),
	}
}
