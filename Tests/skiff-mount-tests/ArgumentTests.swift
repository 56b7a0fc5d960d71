import Linux
import Testing
import skiff_mount

@Suite("skiff-mount's command line")
struct ArgumentTests {
    @Test func words() {
        let both = ImageServer.Arguments(["--offset", "36864", "--size", "1000"])
        #expect(both?.range == ByteRange(offset: 36_864, size: 1000))
        #expect(ImageServer.Arguments([]) != nil)
        let owned = ImageServer.Arguments(["--uid", "1000", "--gid", "4294967295"])
        #expect(owned?.uid == 1000 && owned?.gid == .max && owned?.isLayer == false)
        #expect(ImageServer.Arguments(["--layer", "1"])?.isLayer == true)
        for wrong in [["--uid", "4294967296"], ["--gid", "-1"]] {
            #expect(ImageServer.Arguments(wrong) == nil, "\(wrong)")
        }
        for wrong in [["--offset"], ["--offset", "-1"], ["--offset", "x"], ["file"], ["--other", "1"]] {
            #expect(ImageServer.Arguments(wrong) == nil, "\(wrong)")
        }
    }
}
