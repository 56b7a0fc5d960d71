import CLinux
import Testing

@testable import Core

@Suite struct ShimReports {
    @Test(arguments: [
        ShimReport.stopped(by: SIGTSTP), .stopped(by: SIGSTOP), .answered(stop: SIGTTIN), .answered(stop: nil),
    ]) func oneByteTellsAll(report: ShimReport) { #expect(ShimReport(report.byte) == report) }

    /// No two say the same.
    @Test func bytesAreDistinct() {
        let signals = 1..<highest
        let reports = signals.map { ShimReport.stopped(by: $0) } + signals.map { ShimReport.answered(stop: $0) }
        #expect(Set((reports + [.answered(stop: nil)]).map(\.byte)).count == 2 * signals.count + 1)
    }

    private let highest: CInt = 65
}
