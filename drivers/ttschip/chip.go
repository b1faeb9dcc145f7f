package ttschip

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Chip is what differs between the families of speech chips, beyond the frame.
type Chip struct {
	// Model is the name in the configuration.
	Model string
	Format
	// Bauds are the line speeds that the chip has by itself, at 8N1.
	Bauds []int
	// MaxVolume is the highest [v…]; 0 is silent.
	MaxVolume int
	// MaxSpeed is the highest speed, Speed the chip's own after a reset.
	MaxSpeed, Speed int
	// Reset is the whole set of marks that an utterance begins with: everything that
	// an earlier text, a reset or another master may have left is put right.
	Reset func(volume, speed int, tones bool) string
	// Spell switches the names of tones off: they are read out as words.
	Spell string
	// Tones are the built-in tones by name.
	Tones []Tone
	// Chimes names tones by what they are for; the configuration may add to it.
	Chimes map[string]string
}

// Tone is a sound that the chip plays when its name stands in a text.
type Tone struct {
	Name string
	// Longest is how long it may sound.
	Longest time.Duration
}

// SYN6288Chip is the table of SYN6288 and SYN6288E.
func SYN6288Chip() Chip {
	return Chip{
		Model:  "syn6288",
		Format: SYN6288Format(),
		// 9600 after every reset; the higher rates would have to be set again each time
		// (datasheet 4.4.2).
		Bauds:     []int{9600},
		MaxVolume: 16,
		MaxSpeed:  5,
		Speed:     4,
		// On this chip [t] is speed and [m] the volume of the music; on its relatives
		// [t] is pitch and [m] the voice (datasheet V1.7, table of marks). [d] [v] [m]
		// may stand only at the start of a frame.
		Reset: func(volume, speed int, tones bool) string {
			x := 0
			if tones {
				x = 1
			}
			return fmt.Sprintf("[d][v%d][m0][t%d][x%d]", volume, speed, x)
		},
		Spell:  "[x0]",
		Tones:  syn6288Tones(),
		Chimes: map[string]string{"ding": "soundk", "notice": "soundk", "alarm": "soundn", "urgent": "soundr"},
	}
}

// syn6288Tones lists sounda–soundy, msga–msgh and ringa–ringo (datasheet chapter 6).
// The lengths of soundk, n, p and r are printed there, rings last 5–70 s; the others
// are given 5 s.
func syn6288Tones() []Tone {
	const unprinted = 5 * time.Second
	var tones []Tone
	for c := 'a'; c <= 'y'; c++ {
		longest := unprinted
		switch c {
		case 'k', 'n':
			longest = 2 * time.Second
		case 'p':
			longest = 3 * time.Second
		case 'r':
			longest = 4 * time.Second
		}
		tones = append(tones, Tone{"sound" + string(c), longest})
	}
	for c := 'a'; c <= 'h'; c++ {
		tones = append(tones, Tone{"msg" + string(c), unprinted})
	}
	for c := 'a'; c <= 'o'; c++ {
		tones = append(tones, Tone{"ring" + string(c), 70 * time.Second})
	}
	return tones
}

// tone finds a built-in tone by its own name.
func (c Chip) tone(name string) (Tone, bool) {
	i := slices.IndexFunc(c.Tones, func(t Tone) bool { return t.Name == name })
	if i < 0 {
		return Tone{}, false
	}
	return c.Tones[i], true
}

// plays tells whether name is a built-in tone.
func (c Chip) plays(name string) bool {
	_, ok := c.tone(name)
	return ok
}

// toneNames lists the tones for people.
func (c Chip) toneNames() string {
	names := make([]string, len(c.Tones))
	for i, t := range c.Tones {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

// volume turns 0–100 into the chip's scale, rounded to the nearest step. What is
// not silent stays audible: 1–3 become step 1, not 0.
func (c Chip) volume(percent int) int {
	step := (percent*c.MaxVolume + 50) / 100
	if percent > 0 {
		step = max(step, 1)
	}
	return step
}
