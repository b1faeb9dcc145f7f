package ttschip_test

import (
	"golang.org/x/text/encoding/simplifiedchinese"
)

// say is the say frame of a text, put together here and not by the driver.
func say(text string) []byte {
	gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
	if err != nil {
		panic(err)
	}
	frame := append([]byte{0xFD, 0, byte(len(gbk) + 3), 0x01, 0x01}, gbk...)
	var sum byte
	for _, b := range frame {
		sum ^= b
	}
	return append(frame, sum)
}

// decode reads the text of a say frame.
func decode(gbk []byte) string {
	text, err := simplifiedchinese.GBK.NewDecoder().Bytes(gbk)
	if err != nil {
		panic(err)
	}
	return string(text)
}
