package text

// reasons are the contract's reason codes and what they mean in a sentence.
func reasons() [][2]string {
	return [][2]string{
		{"unknown_field", "the order has a field that this version does not know"},
		{"bad_args", "the order's arguments are not allowed"},
		{"unsupported", "this device or this version cannot do it"},
		{"no_match", "the target matches no device here"},
		{"duplicate_of", "the device has taken this announcement from another order already"},
		{"replayed", "the order's number has been used or is too old"},
		{"id_reused", "the order's id was used before with another content"},
		{"stale", "a later order or a stop has overtaken it"},
		{"not_allowed", "the key may not do this"},
		{"two_person", "the order needs the signatures of two people"},
		{"key_revoked", "the key has been revoked"},
		{"rate", "the key has sent too many orders"},
		{"clock", "the box does not know the time well enough"},
		{"storage", "the box could not write it down"},
		{"busy", "the device or its queue is busy"},
		{"killed", "the kill switch is on"},
		{"quiet_hours", "quiet hours"},
		{"noise_budget", "the noise budget is used up"},
		{"limit", "beyond a limit of the configuration"},
		{"privacy", "the direction is masked for privacy"},
		{"held", "somebody else holds the device"},
		{"no_session", "there is no such session"},
		{"port_lost", "the serial port is not there"},
		{"no_reply", "the device did not answer"},
		{"device_refused", "the device refused"},
		{"device_reset", "the device restarted by itself"},
		{"cannot_say", "the device has no sound for these characters"},
		{"lease_lapsed", "the connection to the holder was lost"},
		{"stopped", "it was stopped"},
		{"shutdown", "the gateway was shut down"},
		{"crash", "the gateway crashed or lost power"},
		{"superseded", "another order replaced it"},
		{"mains_lost", "the mains supply failed"},
		{"internal", "an error inside the gateway"},
	}
}

// statuses are the states of an order's life.
func statuses() [][2]string {
	return [][2]string{
		{"received", "received"},
		{"accepted", "accepted"},
		{"queued", "waiting for its turn"},
		{"running", "running"},
		{"done", "done"},
		{"done_unverified", "done, but the device cannot confirm it"},
		{"partial", "partly done"},
		{"failed", "failed"},
		{"rejected", "rejected"},
		{"expired", "expired"},
		{"preempted", "cut by something more important"},
		{"cancelled", "cancelled"},
		{"missed", "missed"},
		{"unknown", "not known whether it was done"},
	}
}

// evidences are the classes of evidence, weakest first.
func evidences() [][2]string {
	return [][2]string{
		{"none", "nothing was sent"},
		{"commanded", "sent"},
		{"acknowledged", "answered by the device"},
		{"read_back", "read back"},
		{"sensed", "sensed on the line"},
		{"heard", "heard by a microphone"},
	}
}
