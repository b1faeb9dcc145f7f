// Package ttschip drives serial speech chips: SYN6288 (and SYN6288E) today, shaped
// so that XFS5152CE and SYN6658 come as further Chip tables.
//
// The chip has no queue: a new say frame cuts the running utterance at once, and
// nothing brings the cut text back. So the driver sends one frame at a time, waits
// for the chip to say that it is idle, and never sends a text twice that may
// already have been heard.
//
// What it knows about an utterance is what the chip answers: 41 and 4F are
// evidence class "acknowledged", never more. A chip that answers nothing is spoken
// to all the same (its wire back may be the only thing broken, and people may need
// to hear it), but then the result is evidence Commanded with fault.NoReply.
//
// Sources: SYN6288 datasheet V1.7 (北京宇音天下, 2017-01-03), SYN6288E datasheet
// V1.0 (2021); the numbers behind each table stand at the lines that use them.
package ttschip
