package journal

import "sort"

// maxRanges bounds a set: a pump with a window of 32 makes at most 33 ranges, a
// platform with 1,000 outstanding acknowledgements seldom more than this.
const maxRanges = 256

// ranges is a set of numbers: sorted, neither overlapping nor touching.
type ranges []Range

// find returns the index of the first range that ends at or after s.
func (r ranges) find(s Seq) int {
	return sort.Search(len(r), func(i int) bool { return r[i].Last >= s })
}

// has tells whether s is in the set.
func (r ranges) has(s Seq) bool {
	i := r.find(s)
	return i < len(r) && r[i].First <= s
}

// covers tells whether all of w is in the set; an empty w is.
func (r ranges) covers(w Range) bool {
	if w.Last < w.First {
		return true
	}
	i := r.find(w.First)
	return i < len(r) && r[i].First <= w.First && r[i].Last >= w.Last
}

// touches tells whether adding w makes no new range.
func (r ranges) touches(w Range) bool {
	i := r.find(max(w.First, 1) - 1)
	return i < len(r) && r[i].First <= w.Last+1
}

// count is how many numbers of w are in the set.
func (r ranges) count(w Range) (n uint64) {
	for i := r.find(w.First); i < len(r) && r[i].First <= w.Last; i++ {
		n += uint64(min(w.Last, r[i].Last) - max(w.First, r[i].First) + 1)
	}
	return n
}

// missing lists the parts of w that are not in the set.
func (r ranges) missing(w Range) (out []Range) {
	next := w.First
	for i := r.find(w.First); i < len(r) && r[i].First <= w.Last; i++ {
		if r[i].First > next {
			out = append(out, Range{next, r[i].First - 1})
		}
		next = r[i].Last + 1
	}
	if next <= w.Last {
		out = append(out, Range{next, w.Last})
	}
	return out
}

// with returns the set with w added; changed is false where all of it was there.
func (r ranges) with(w Range) (out ranges, changed bool) {
	if r.covers(w) {
		return r, false
	}
	lo := sort.Search(len(r), func(i int) bool { return r[i].Last+1 >= w.First })
	hi := lo
	for hi < len(r) && r[hi].First <= w.Last+1 {
		w.First, w.Last = min(w.First, r[hi].First), max(w.Last, r[hi].Last)
		hi++
	}
	if hi > lo {
		r[lo] = w
		return append(r[:lo+1], r[hi:]...), true
	}
	r = append(r, Range{})
	copy(r[lo+1:], r[lo:])
	r[lo] = w
	return r, true
}

// without returns the set with w taken out.
func (r ranges) without(w Range) (out ranges) {
	for _, x := range r {
		if x.Last < w.First || x.First > w.Last {
			out = append(out, x)
			continue
		}
		if x.First < w.First {
			out = append(out, Range{x.First, w.First - 1})
		}
		if x.Last > w.Last {
			out = append(out, Range{w.Last + 1, x.Last})
		}
	}
	return out
}

// within returns a copy of the part of the set that lies in w.
func (r ranges) within(w Range) (out ranges) {
	for i := r.find(w.First); i < len(r) && r[i].First <= w.Last; i++ {
		out = append(out, Range{max(w.First, r[i].First), min(w.Last, r[i].Last)})
	}
	return out
}
