// Package config is the gateway's one file: its types, its defaults, its strict
// decoder and its judge. Everything that is wrong is reported at once, each with
// file:line, the path of keys, the value and what is allowed instead.
//
// The struct tags are the file's grammar, read by the decoder here and by the
// schema generator:
//
//	yaml:"name"     the key
//	need:"true"     must be present
//	default:"20"    what an absent key means; also the schema's default
//	range:"1..255"  numbers, both ends allowed; in a list, of its members
//	enum:"a|b"      words, or the numbers that are allowed
//	pattern:"id"    [a-z0-9][a-z0-9-]{0,62}; for a map, of its keys; in a list, of
//	                its members. secret: the same, and the value is never shown.
//	                digits20, digits23: so many digits. hostport: host:port.
//	                urlpath: begins with /, no blank, ? or #
//
// No other package reads the file, and this one touches nothing but it: devices'
// options stay a Node until their model decodes them by Decode.
package config

// File is the whole configuration.
type File struct {
	// Gateway is the gateway's id = MQTT client id = certificate CN = topic prefix.
	Gateway string `yaml:"gateway" need:"true" pattern:"id"`
	// Root is the first level of every topic.
	Root       string               `yaml:"root" default:"fuqiao" pattern:"id"`
	Uplink     Uplink               `yaml:"uplink"`
	State      State                `yaml:"state"`
	Buses      map[string]Bus       `yaml:"buses" pattern:"id"`
	Outputs    map[string]Output    `yaml:"outputs" pattern:"id"`
	Inputs     map[string]Input     `yaml:"inputs" pattern:"id"`
	Amplifiers map[string]Amplifier `yaml:"amplifiers" pattern:"id"`
	Devices    map[string]Device    `yaml:"devices" pattern:"id"`
	// Groups and Zones are lists of device ids. A device belongs to any number.
	Groups map[string][]string `yaml:"groups" pattern:"id"`
	Zones  map[string][]string `yaml:"zones" pattern:"id"`
	// Cameras are event sources; their ids share one name space with Devices.
	Cameras   map[string]Device `yaml:"cameras" pattern:"id"`
	Authority Authority         `yaml:"authority"`
	Limits    Limits            `yaml:"limits"`
	Local     Local             `yaml:"local"`
	// Shutdown says what becomes of an announcement that is being said when the
	// daemon is asked to end.
	Shutdown Shutdown `yaml:"shutdown"`
	// These keys of the contract are known but not enforced by this version. A box
	// that seemed to keep quiet hours and did not would be worse than none: a
	// file that sets them is refused.
	QuietHours Unenforced `yaml:"quiet_hours"`
	KillSwitch Unenforced `yaml:"kill_switch"`
	Schedules  Unenforced `yaml:"schedules"`
	Rules      Unenforced `yaml:"rules"`

	// file and lines are where the values stood: the line of every path.
	file  string
	lines map[string]int
}

// Unenforced is a key of the contract that this version does not carry out.
type Unenforced struct{}

// Uplink is the way to the platform.
type Uplink struct {
	// Broker is mqtts://host:port, or mqtt:// to a loopback address only. Empty:
	// the box runs by itself and says so.
	Broker string `yaml:"broker"`
	// Fallback are further brokers of the same kind, tried in their order while the first
	// cannot be had.
	Fallback []string `yaml:"fallback"`
	// CA, Cert and Key are PEM files; relative paths are below the state directory.
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Ack says whose word counts that a record has arrived: the broker's PUBACK, or the
	// platform's own acknowledgement on topic ack.
	Ack string `yaml:"ack" default:"broker" enum:"broker|platform"`
	// Upload is https://host/path, where pictures and clips go instead of over MQTT; http://
	// to a loopback address only. Empty: over MQTT.
	Upload string `yaml:"upload"`
	// MaxKbitS is the most that is sent, in kbit/s; 0 for no bound. Results and alarms do
	// not wait for it.
	MaxKbitS int `yaml:"max_kbit_s" default:"0" range:"0..1000000"`
	// ReconnectCapMS is the least cap of the random wait between attempts to
	// connect (promises row 13 says 5 s); below that, as in a demo, it is the cap.
	ReconnectCapMS int `yaml:"reconnect_cap_ms" default:"5000" range:"100..60000"`
	// TelemetryS is the interval of a full telemetry pack in seconds.
	TelemetryS int `yaml:"telemetry_s" default:"300" range:"1..86400"`
}

// State is the state directory and what may be kept in it.
type State struct {
	// Dir is an absolute path; the service manager makes it (StateDirectory=).
	Dir     string  `yaml:"dir" default:"/var/lib/edged"`
	Journal Journal `yaml:"journal"`
	// MediaMiB is what clips and pictures of more than 256 KiB may take until the platform
	// has them; the oldest of those without an alarm goes first.
	MediaMiB int `yaml:"media_mib" default:"64" range:"0..65536"`
}

// Journal is the budget of records that wait for the platform.
type Journal struct {
	// BudgetMiB is the total; Classes override floor and ceiling of single classes
	// (JournalClasses).
	BudgetMiB int                     `yaml:"budget_mib" default:"64" range:"16..65536"`
	Classes   map[string]JournalClass `yaml:"classes" pattern:"id"`
}

// JournalClass is a class's share in MiB: below its floor nothing of it is dropped
// for others, above its ceiling its own oldest goes first. A class that is named
// has its floor from here (0 where none is given); a ceiling of 0, none given, is
// the journal's own.
type JournalClass struct {
	FloorMiB   int `yaml:"floor_mib" range:"0..65536"`
	CeilingMiB int `yaml:"ceiling_mib" range:"1..65536"`
	// TTLH is how many hours its records are kept for the platform at most, counted while
	// the box runs with a trusted clock; 0 for as long as there is room.
	TTLH int `yaml:"ttl_h" range:"0..87600"`
}

// Bus is one serial port and the wire on it.
type Bus struct {
	// Port is a device path; a stable one (/dev/serial/by-path/…, by-id/…) survives replugging.
	Port   string `yaml:"port" need:"true"`
	Baud   int    `yaml:"baud" need:"true" enum:"1200|2400|4800|9600|19200|38400|57600|115200"`
	Parity string `yaml:"parity" default:"none" enum:"none|even|odd"`
	// GapMS is the silence between two frames. A device that wants more says so itself.
	GapMS int `yaml:"gap_ms" default:"10" range:"0..1000"`
}

// Output is a GPIO line that switches something.
type Output struct {
	// Chip is the chip's name as gpioinfo prints it (gpiochip0) and Line its offset
	// there, or Line is the kernel's line name and Chip is empty or narrows it.
	Chip      string `yaml:"chip"`
	Line      string `yaml:"line" need:"true"`
	ActiveLow bool   `yaml:"active_low"`
	// Safe is the logical state at start, halt and shutdown. With "on" there is no
	// MaxOnS.
	Safe string `yaml:"safe" default:"off" enum:"off|on"`
	// MaxOnS is the last guard: on for longer than this, the pin itself lets go.
	MaxOnS int `yaml:"max_on_s" default:"1200" range:"1..86400"`
	// Remote allows output.set from the platform.
	Remote bool `yaml:"remote"`
}

// Input is a GPIO line that is looked at.
type Input struct {
	Chip       string `yaml:"chip"`
	Line       string `yaml:"line" need:"true"`
	ActiveLow  bool   `yaml:"active_low"`
	Pull       string `yaml:"pull" default:"none" enum:"none|up|down"`
	DebounceMS int    `yaml:"debounce_ms" default:"20" range:"0..5000"`
}

// Amplifier is a power stage shared by speakers, keyed by an output.
type Amplifier struct {
	Output string `yaml:"output" need:"true" pattern:"id"`
	// WarmUpMS passes between key-on and the first sound, TailMS between the last
	// sound and key-off.
	WarmUpMS int `yaml:"warm_up_ms" default:"300" range:"0..30000"`
	TailMS   int `yaml:"tail_ms" default:"300" range:"0..60000"`
	// MaxOnS ends whatever is being said; it is at most the output's own.
	MaxOnS int `yaml:"max_on_s" default:"600" range:"1..86400"`
	// MinOffS is a rest after key-off, before the next key-on.
	MinOffS int `yaml:"min_off_s" default:"2" range:"0..600"`
	// Speakers are ids of devices. A speaker has one amplifier.
	Speakers []string `yaml:"speakers" need:"true" pattern:"id"`
}

// Device is a dome, a speaker or a camera source.
type Device struct {
	Model string `yaml:"model" need:"true"`
	// Name and Address are for people, in their language.
	Name     string   `yaml:"name"`
	Address  string   `yaml:"address"`
	Location Location `yaml:"location"`
	// Grid is the grid cell's code, an address of its own (grid:prefix). Leading
	// zeros count.
	Grid  string `yaml:"grid" pattern:"id"`
	Codes Codes  `yaml:"codes"`
	// Options belong to the model, which decodes them itself.
	Options Node `yaml:"options"`
}

// Location is where the device stands, degrees in the named system, as surveyed.
// Lat = Lon = 0 is a device without a location.
type Location struct {
	CRS string  `yaml:"crs" default:"wgs84" enum:"wgs84|gcj02|bd09|cgcs2000"`
	Lat float64 `yaml:"lat" need:"true" range:"-90..90"`
	Lon float64 `yaml:"lon" need:"true" range:"-180..180"`
}

// Codes are the numbers under which other systems know the device.
type Codes struct {
	// GB28181 has 20 digits (GB/T 28181), EBR 23 (emergency broadcast resource code).
	GB28181 string `yaml:"gb28181" pattern:"digits20"`
	EBR     string `yaml:"ebr" pattern:"digits23"`
}

// Authority names the trust file; a relative path is below the state directory.
type Authority struct {
	Trust string `yaml:"trust" default:"trust.jws"`
}

// Limits are what no key can lift.
type Limits struct {
	// MaxTextRunes bounds one announcement.
	MaxTextRunes int `yaml:"max_text_runes" default:"1000" range:"1..4000"`
	// MaxRepeat bounds repetitions.
	MaxRepeat int `yaml:"max_repeat" default:"10" range:"1..100"`
	// MaxSayS bounds one announcement's time on air, in seconds.
	MaxSayS int `yaml:"max_say_s" default:"300" range:"1..3600"`
}

// Local is the technician's socket.
type Local struct {
	// Socket is the path of the unix socket; empty: <state dir>/edged.sock.
	Socket string `yaml:"socket"`
	// Groups are unix group names whose members may ask; root and the daemon's own
	// user always may.
	Groups []string `yaml:"groups"`
}

// Shutdown is the policy at SIGTERM.
type Shutdown struct {
	// Mode "stop" cuts what is being said, "finish" lets it end within WaitS.
	Mode  string `yaml:"mode" default:"stop" enum:"stop|finish"`
	WaitS int    `yaml:"wait_s" default:"60" range:"1..600"`
}
