package config

// Sentences lists every sentence and word of this package's problems: the keys that
// the message catalogue must have.
func Sentences() []string {
	return []string{
		sayUnreadable, sayTooLong, sayTooMany, sayBOM, sayEncoding, sayTab, sayWideBlank, sayCharacter, sayYAML,
		sayWideColon, saySecondDoc, sayEmptyFile, sayMore, sayTooDeep, sayAnchor, sayAlias, sayMerge, sayTag, sayKeyKind,
		sayTwice, saySecret, sayUnknownNear, sayUnknown, sayMissing, sayEmpty, sayNull, sayKind, sayPlain,
		sayQuote, sayEnum, sayUnquote, sayEnumNear, sayRange, sayLong, sayID, saySecretName, sayDigits, sayHostPort,
		sayURLPath, sayReserved, sayUnenforced, sayNoSuch, sayNoSuchNear, sayNoneThere, sayIsCamera,
		sayListedTwice, sayIDTaken, sayRemoteTaken, sayNeedsChip, sayOffset, sayPinTaken, sayPortTaken,
		sayOutputTaken, saySpeakerTaken, sayCodeTaken, sayAmpRemote, sayAmpSafeOn, sayAmpLonger, sayAmpNoTime,
		saySayLonger, sayMaxOnSafeOn, sayPath, sayPortPath, saySocketLong, sayBroker, sayBrokerPlain,
		sayBrokerTwice, sayBrokerLogin, sayUpload, sayUploadTLS, sayNeededMQTTS, sayUnused, sayClass, sayFloor, sayCeiling, sayFloors, sayGroupName,
		sayZero,
		string(wordList), string(wordMap), string(wordNothing), string(wordAlias), string(wordHidden),
		string(wordInt), string(wordFloat), string(wordBool), string(wordText), string(wordNBSP),
		string(wordWide), string(wordOutputs), string(wordDevices), string(wordDevCams), string(wordNoFile),
		string(wordNoRight), string(wordNoRegular),
		string(yamlColon), string(yamlKey), string(yamlDash), string(yamlNoColon), string(yamlStart),
		string(yamlOpen), string(yamlBracket), string(yamlBrace), string(yamlValue), string(yamlEscape),
		string(yamlListPlace), string(yamlTab), string(yamlAnchor), string(yamlTag), string(yamlPercent),
		string(yamlAlias), string(yamlOutside), string(yamlBlockText), string(yamlDeep), string(yamlOther),
	}
}

// Key is the word as a key of the message catalogue.
func (w Word) Key() string { return string(w) }
