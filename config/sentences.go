package config

// The sentences of this package's problems. They are keys of the message
// catalogue (edge/text), therefore each stands here once. Every verb is %s.
const (
	// The file as bytes.
	sayUnreadable = "cannot be read: %s"
	sayTooLong    = "the file has more than %s bytes; a configuration is far smaller: is this the right file?"
	sayTooMany    = "the file has more than %s values"
	sayBOM        = "the file begins with a byte order mark; save it as UTF-8 without BOM"
	sayEncoding   = "byte %s is not UTF-8; save the file as UTF-8 (not GBK, not UTF-16)"
	sayTab        = "a tab in the indentation; use spaces"
	sayWideBlank  = "a %s in the indentation; use plain spaces"
	sayCharacter  = "the character %s is not allowed in this file; remove it or write it as an escape in double quotes"
	sayYAML       = "not valid YAML: %s"
	sayWideColon  = "%s has a full-width colon; write a plain colon and a space"
	saySecondDoc  = "a second document begins here; the file holds exactly one"
	sayMore       = "%s more problems are not shown"
	sayEmptyFile  = "the file is empty; at least gateway is needed"

	// The tree.
	sayTooDeep = "nested deeper than %s levels"
	sayAnchor  = "anchors (&%s) are not allowed; write the value out"
	sayAlias   = "aliases (*%s) are not allowed; write the value out"
	sayMerge   = "merge keys (<<) are not allowed; write the keys out"
	sayTag     = "tags (%s) are not allowed; remove it"
	sayKeyKind = "a key must be plain text, not %s"
	sayTwice   = "this key stands twice; the first is in line %s"
	saySecret  = "a secret must not stand in this file; put it into a file of its own below secrets/ in the state directory and write only its name: secret: NAME"

	// Values.
	sayUnknownNear = "unknown key; did you mean %s?"
	sayUnknown     = "unknown key; allowed here: %s"
	sayMissing     = "is missing; it has no default"
	sayEmpty       = "must not be empty"
	sayNull        = "has no value; write one or remove the key"
	sayKind        = "%s is not %s"
	sayPlain       = "%s is not %s; write it in plain digits: %s"
	sayQuote       = "%s is not text; if it is meant as text, put it in quotes"
	sayUnquote     = "%s is text; write it without quotes: %s"
	sayEnum        = "%s is not allowed; allowed: %s"
	sayEnumNear    = "%s is not allowed; did you mean %s? Allowed: %s"
	sayRange       = "%s is out of range; allowed: %s to %s"
	sayLong        = "the text has %s characters; at most %s are allowed"
	sayID          = "%s is not a valid name; allowed: a to z, 0 to 9 and -, beginning with a letter or digit, at most 63 characters"
	saySecretName  = "a secret is named, not written out: the name of a file below secrets/ in the state directory; allowed: a to z, 0 to 9 and -, at most 63 characters"
	sayDigits      = "%s is not allowed; needed: exactly %s digits"
	sayHostPort    = "%s is not host:port; an example: 192.168.1.10:8080"
	sayURLPath     = "%s is not a path; it begins with / and has no blanks, ? or #"
	sayReserved    = "%s is a reserved word; choose another name"
	sayUnenforced  = "this version does not carry it out; remove the key, so that nobody relies on it"
)

// The sentences of Validate.
const (
	sayNoSuch       = "%s is not one of %s; known: %s"
	sayNoSuchNear   = "%s is not one of %s; did you mean %s?"
	sayNoneThere    = "%s is not one of %s: there are none"
	sayIsCamera     = "%s is a camera; a speaker is needed"
	sayListedTwice  = "%s stands twice in this list"
	sayIDTaken      = "devices and cameras share one list of names; %s is a device already, in line %s"
	sayRemoteTaken  = "an output that is remote is a target like a device; %s is %s already, in line %s"
	sayNeedsChip    = "line %s is an offset: name its chip as well (see gpioinfo)"
	sayOffset       = "%s is not an offset; write it in plain digits: %s"
	sayPinTaken     = "this pin (%s) is used by %s already, in line %s"
	sayPortTaken    = "port %s is used by %s already, in line %s"
	sayOutputTaken  = "output %s is used by %s already, in line %s"
	saySpeakerTaken = "speaker %s belongs to %s already, in line %s"
	sayCodeTaken    = "%s is the code of %s already, in line %s"
	sayAmpRemote    = "output %s is marked remote in line %s; an amplifier's output cannot be switched from the platform"
	sayAmpSafeOn    = "output %s is safe when on (line %s); an amplifier's output must be safe when off"
	sayAmpLonger    = "%s s is longer than the %s s of its output %s; allowed: 1 to %s"
	sayAmpNoTime    = "%s s leaves no time to speak: warm_up_ms and tail_ms take %s ms of it"
	saySayLonger    = "an announcement may take %s s (limits.max_say_s), but amplifier %s is on for at most %s s, warm-up and tail included; lower the one or raise the other"
	sayMaxOnSafeOn  = "max_on_s has no meaning with safe: on; remove one of them"
	sayPath         = "%s is not an absolute path"
	sayPortPath     = "%s is not a device path; an example: /dev/serial/by-path/…"
	saySocketLong   = "the path of the socket is %s bytes long; at most %s are allowed"
	sayBroker       = "%s is not a broker's address; allowed: mqtts://HOST:PORT, or mqtt://127.0.0.1:PORT"
	sayBrokerPlain  = "%s is not encrypted; mqtt:// is allowed to a loopback address only; use mqtts://"
	sayBrokerTwice  = "%s stands there twice"
	sayBrokerLogin  = "a broker's address carries no name or password; the client certificate is the identity"
	sayUpload       = "%s is not an address for uploads; allowed: https://HOST[:PORT]/PATH, or http:// to a loopback address"
	sayUploadTLS    = "needs uplink.ca, uplink.cert and uplink.key"
	sayNeededMQTTS  = "is missing; mqtts needs ca, cert and key"
	sayUnused       = "is set, but there is no uplink.broker"
	sayClass        = "%s is not a class of the journal; allowed: %s"
	sayFloor        = "the floor of %s MiB is above the ceiling of %s MiB"
	sayCeiling      = "the ceiling of %s MiB is above the budget of %s MiB"
	sayFloors       = "all floors together are %s MiB; at most 90 %% of the budget are allowed: %s MiB"
	sayGroupName    = "%s is not the name of a unix group"
	sayZero         = "latitude and longitude are both 0; remove the location if it is not known"
)

// The words that stand for kinds of values.
const (
	wordList    = Word("a list")
	wordMap     = Word("a block of keys")
	wordNothing = Word("nothing")
	wordAlias   = Word("an alias")
	wordHidden  = Word("the value")
	wordInt     = Word("a whole number")
	wordFloat   = Word("a number")
	wordBool    = Word("true or false")
	wordText    = Word("text")
	wordNBSP    = Word("no-break space")
	wordWide    = Word("full-width space")

	wordOutputs   = Word("the outputs")
	wordDevices   = Word("the devices")
	wordDevCams   = Word("the devices and cameras")
	wordNoFile    = Word("there is no such file")
	wordNoRight   = Word("no permission")
	wordNoRegular = Word("it is not a regular file")
)
