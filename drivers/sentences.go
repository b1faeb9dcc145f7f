package drivers

import "fuqiao/edged/config"

// The sentences of Check's problems: keys of the message catalogue (edge/text).
// Every verb is %s.
const (
	sayModel        = "%s is not a model; known: %s"
	sayModelNear    = "%s is not a model; did you mean %s?"
	sayWrongPlace   = "model %s is %s and belongs below %s"
	sayNoSuch       = "%s is not one of %s; known: %s"
	sayNoSuchNear   = "%s is not one of %s; did you mean %s?"
	sayNoneThere    = "%s is not one of %s: there are none"
	sayAddressTaken = "address %s on bus %s is used by %s already, in line %s"
	sayAlone        = "model %s has no address and needs a bus of its own; %s is used by %s already, in line %s"
	sayBusAlone     = "bus %s belongs to %s alone (line %s), whose model has no address"
	sayBaud         = "bus %s runs at %s baud; model %s can do: %s"
	sayParity       = "bus %s has parity %s; model %s needs parity %s"
	sayOutputTaken  = "output %s is used by %s already, in line %s"
	sayOutputRemote = "output %s is marked remote in line %s; one that a device uses cannot be switched from the platform"
	sayInputTaken   = "input %s is used by %s already, in line %s"
	sayListenTaken  = "%s is used by %s already, in line %s"
	sayListenAll    = "%s cannot be listened on beside %s of %s in line %s: one of them takes every address of this port"
	sayNotSpeaker   = "%s is %s; an amplifier takes speakers only"
)

const (
	wordBuses   = config.Word("the buses")
	wordOutputs = config.Word("the outputs")
	wordInputs  = config.Word("the inputs")
	wordDome    = config.Word("a dome")
	wordSpeaker = config.Word("a speaker")
	wordCamera  = config.Word("a camera source")
)

// Sentences lists every sentence of this package, for the test that each has a
// translation.
func Sentences() []string {
	return []string{
		sayModel, sayModelNear, sayWrongPlace, sayNoSuch, sayNoSuchNear, sayNoneThere,
		sayAddressTaken, sayAlone, sayBusAlone, sayBaud, sayParity,
		sayOutputTaken, sayOutputRemote, sayInputTaken, sayListenTaken, sayListenAll, sayNotSpeaker,
		string(wordBuses), string(wordOutputs), string(wordInputs),
		string(wordDome), string(wordSpeaker), string(wordCamera),
	}
}
