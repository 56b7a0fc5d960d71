import Testing

@testable import Packing

@Suite struct BuildTimeTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2024-02-29T23:59:59Z", 1_709_251_199),
        ("2026-11-30T04:05:06.789Z", 1_796_011_506),
    ]) func timestampsAreRead(text: String, seconds: Int64) {
        #expect(BuildTime(timestamp: text)?.seconds == seconds)
    }

    @Test(arguments: ["", "2024", "2024-13-01T00:00:00Z", "2024-01-01", "x-01-01T00:00:00Z", "2024-01-01T00:00Z"])
    func othersAreNoTimestamps(text: String) { #expect(BuildTime(timestamp: text) == nil) }

    @Test(arguments: [0, 1_709_251_199, 4_102_444_800] as [Int64]) func timestampsComeBack(seconds: Int64) throws {
        let time = try #require(BuildTime(timestamp: "1970-01-01T00:00:00Z"))
        #expect(time.timestamp == "1970-01-01T00:00:00Z")
        #expect(BuildTime(seconds: seconds).timestamp.hasSuffix("Z"))
        #expect(BuildTime(timestamp: BuildTime(seconds: seconds).timestamp)?.seconds == seconds)
    }
}
