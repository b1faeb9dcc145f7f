package edge

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a arrivals
		began := time.Now()
		a.wait(time.Second) // nothing is expected
		a.expect("x")
		a.expect("y")
		a.came("z")
		go func() {
			time.Sleep(300 * time.Millisecond)
			a.came("x")
			a.came("x")
			a.came("y")
		}()
		a.wait(time.Second)
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("waited %v", took)
		}
		a.expect("never")
		a.wait(time.Second)
		if took := time.Since(began); took != 1300*time.Millisecond {
			t.Errorf("waited %v", took)
		}
		a.came("never")
	})
}
