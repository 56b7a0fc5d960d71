import Testing

@testable import Registry

@Suite struct ProgressTests {
    /// A line that wraps cannot be drawn over.
    @Test(arguments: 1...120) func linesFitTheTerminal(columns: Int) {
        for name in ["a6e2…", "a-very-long-name-of-an-image"] {
            let text = Progress.line(name, 50 << 20, 200 << 20, columns)
            #expect(text.count < columns)
            #expect(columns < 40 || text.contains("25%") || text.contains("50.00 MiB / 200.00 MiB"))
        }
    }

    @Test func logsGetOneLineForAll() {
        let progress = Progress(isQuiet: true, isTerminal: false, interval: 1)
        let bars = [progress.bar("one", total: 100 << 20), progress.bar("two", total: 300 << 20)]
        bars[0].finish()
        bars[1].advance(80 << 20)
        #expect(Progress.report(bars) == "Transferred 45%: 180.00 MiB / 400.00 MiB")
        bars[1].finish()
        #expect(Progress.report(bars) == nil)
        #expect(Progress.report([progress.bar("three", total: 0)]) == "Transferred: 0.00 KiB")
    }
}
