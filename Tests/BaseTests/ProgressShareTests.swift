import Base
import Testing

@Suite struct ProgressShareTests {
    @Test(arguments: [(0, 10, 0, "[    ]"), (5, 10, 50, "[##  ]"), (10, 10, 100, "[####]"), (20, 10, 100, "[####]")])
    func barsFollowTheShare(done: Int64, total: Int64, percent: Int, bar: String) {
        let share = ProgressShare(done, of: total)
        #expect(share.percent == percent && share.bar(4, mark: "#") == bar)
    }

    @Test func nothingToDoIsDone() { #expect(ProgressShare(0, of: 0).percent == 100) }

    @Test func theLastColumnStaysEmpty() {
        #expect(firstThatFits(["long text", "short"], 10) == "long text")
        #expect(firstThatFits(["long text", "short"], 9) == "short")
        #expect(firstThatFits(["long text", "short"], 3) == "sh")
    }
}
