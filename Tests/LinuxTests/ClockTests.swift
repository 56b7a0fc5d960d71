import CLinux
import Testing

@testable import Linux

@Suite struct ClockTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_714_564_805, "2024-05-01T12:00:05Z"),
        (-1, "1969-12-31T23:59:59Z"), (253_402_300_800, "10000-01-01T00:00:00Z"),
    ]) func universalTimeIsRFC3339(seconds: Int64, text: String) { #expect(universalTimeText(seconds) == text) }

    @Test(arguments: [0, -1, 951_782_400, 1_714_564_805, -62_135_596_801, 4_102_444_800] as [Int64])
    func calendarIsThatOfTheLibrary(seconds: Int64) {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let own = CalendarTime(universal: seconds)
        #expect(own.year == Int64(parts.tm_year) + 1900 && own.month == Int64(parts.tm_mon) + 1)
        #expect(own.day == Int64(parts.tm_mday) && own.weekday == Int64(parts.tm_wday))
        #expect(own.hour == Int64(parts.tm_hour) && own.second == Int64(parts.tm_sec))
    }

    @Test(arguments: [.min, .max] as [Int64]) func calendarHasEveryTime(seconds: Int64) {
        let time = CalendarTime(universal: seconds)
        #expect((1...12).contains(time.month) && (0...6).contains(time.weekday) && (0..<60).contains(time.second))
    }

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
