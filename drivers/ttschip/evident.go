package ttschip

import "fuqiao/edged/drivers"

// Evidence is drivers.Evident's: a Halt that returned nil was acknowledged with 41.
func (s *Speaker) Evidence() drivers.Evidence { return drivers.Acknowledged }
