import CLinux
import Testing

@testable import Linux

@Suite struct ClockTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_714_564_805, "2024-05-01T12:00:05Z"),
        (-1, "1969-12-31T23:59:59Z"), (253_402_300_800, "10000-01-01T00:00:00Z"),
    ]) func universalTimeIsRFC3339(seconds: Int64, text: String) { #expect(universalTimeText(seconds) == text) }

    /// Years that do not fit into `tm` are not guessed.
    @Test func impossibleTimesHaveATextToo() {
        #expect(universalTimeText(.max) == "1970-01-01T00:00:00Z" && localTimeText(.max) == "-")
    }

    @Test func monotonicClockGoesOn() {
        let (before, wall) = (monotonicMicroseconds(), currentTime())
        pause(milliseconds: 20)
        #expect(monotonicMicroseconds() - before >= 20_000)
        #expect(currentTime() >= wall && currentTime() > 1_600_000_000)
    }

    @Test func randomBytesDiffer() throws {
        #expect(try randomBytes(0).isEmpty)
        let (one, two) = (try randomBytes(256), try randomBytes(256))
        #expect(one.count == 256 && one != two && Set(one).count > 50)
    }
}
