// Verifies an exported log with golang.org/x/mod/sumdb, which shares no code with Sluice.
//
//	verify-go DIR VKEY [OLD_SIZE OLD_ROOT_BASE64]
//
// DIR holds `checkpoint`, `tile/...` and `tile/entries/...`. Exit code 0: the signature is right, every tile is
// authenticated by the signed root, every entry has the hash that its tile says, and the log continues the old one.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	tree, err := verify(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("verified %d %s\n", tree.N, tree.Hash)
}

func verify(args []string) (tlog.Tree, error) {
	if len(args) != 2 && len(args) != 4 {
		return tlog.Tree{}, errors.New("usage: verify-go DIR VKEY [OLD_SIZE OLD_ROOT]")
	}
	dir := args[0]
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := openCheckpoint(dir, verifier)
	if err != nil {
		return tree, err
	}
	reader := tlog.TileHashReader(tree, tiles{dir})
	if err := checkEntries(dir, tree, reader); err != nil {
		return tree, err
	}
	if len(args) == 4 {
		return tree, checkOld(tree, reader, args[2], args[3])
	}
	return tree, nil
}

func openCheckpoint(dir string, verifier note.Verifier) (tlog.Tree, error) {
	message, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("malformed checkpoint, or of another log")
	}
	return parseTree(lines[1], lines[2])
}

func parseTree(size, root string) (tlog.Tree, error) {
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	bytes, err := base64.StdEncoding.DecodeString(root)
	if err != nil || len(bytes) != tlog.HashSize {
		return tlog.Tree{}, errors.New("malformed root")
	}
	return tlog.Tree{N: n, Hash: tlog.Hash(bytes)}, nil
}

// checkEntries authenticates the hashes of all entries by the root, hashes the entries, and computes the root anew.
func checkEntries(dir string, tree tlog.Tree, reader tlog.HashReader) error {
	var stored memory
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(1<<tileHeight, tree.N-first)
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		path := tlog.Tile{H: tileHeight, L: 0, N: first >> tileHeight, W: int(width)}.Path()
		bundle, err := os.ReadFile(filepath.Join(dir, strings.Replace(path, "tile/8/0/", "tile/entries/", 1)))
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			entry, rest, err := nextEntry(bundle)
			if err != nil {
				return err
			}
			if tlog.RecordHash(entry) != hash {
				return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
			}
			grown, err := tlog.StoredHashesForRecordHash(first+int64(i), hash, stored)
			if err != nil {
				return err
			}
			stored = append(stored, grown...)
			bundle = rest
		}
		if len(bundle) != 0 {
			return errors.New("more entries than the tree has")
		}
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the entries do not add up to the root")
	}
	return nil
}

// memory holds the hashes of the tree in the order of tlog.StoredHashIndex.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = m[index]
	}
	return hashes, nil
}

func nextEntry(bundle []byte) (entry, rest []byte, err error) {
	if len(bundle) < 2 {
		return nil, nil, errors.New("fewer entries than the tree has")
	}
	end := 2 + int(binary.BigEndian.Uint16(bundle))
	if len(bundle) < end {
		return nil, nil, errors.New("an entry is cut")
	}
	return bundle[2:end], bundle[end:], nil
}

func checkOld(tree tlog.Tree, reader tlog.HashReader, size, root string) error {
	old, err := parseTree(size, root)
	if err != nil {
		return err
	}
	if old.N > tree.N {
		return errors.New("the log is smaller than it was")
	}
	if old.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, old.N, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// tiles reads tiles by their C2SP names, which leave out the height.
type tiles struct{ dir string }

func (tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		bytes, err := os.ReadFile(filepath.Join(t.dir, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		if len(bytes) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has a wrong length", tile.Path())
		}
		data[i] = bytes
	}
	return data, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
