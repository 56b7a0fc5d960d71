import Testing

@testable import Base

@Suite struct ProgressLineTests {
    @Test func terminalsGetABar() {
        let line = ProgressLine("Packing", total: 206 << 20, isTerminal: true)
        #expect(
            line.text(103 << 20, milliseconds: 2000)
                == "Packing  50% [##########          ] 103.0 MiB of 206.0 MiB, 51.5 MiB/s")
        #expect(line.text(0, milliseconds: 0) == "Packing   0% [                    ] 0 B of 206.0 MiB, 0 B/s")
        // A tree that grew while it was packed.
        #expect(line.text(300 << 20, milliseconds: 1000).hasPrefix("Packing 100% [####################] "))
        #expect(line.text(103 << 20, milliseconds: 2000).utf8.count + "INFO:    ".utf8.count <= 80)
    }

    /// A line that wraps cannot be drawn over.
    @Test(arguments: 1...100) func linesFitTheTerminal(columns: Int) {
        for total in [0, 206 << 20] as [Int64] {
            let line = ProgressLine("Packing", total: total, isTerminal: true)
            let text = line.text(103 << 20, milliseconds: 2000, columns: columns)
            #expect(text.count < columns)
            #expect(columns < 18 || text.hasPrefix("Packing "))
        }
    }

    @Test func othersGetPlainLines() {
        let line = ProgressLine("Packing", total: 10 << 10, isTerminal: false)
        #expect(line.text(1 << 10, milliseconds: 1000) == "Packing 10% 1.0 KiB of 10.0 KiB, 1.0 KiB/s")
        #expect(
            ProgressLine("Fetching", total: 0, isTerminal: true).text(5, milliseconds: 1000) == "Fetching 5 B, 5 B/s")
    }
}
