import Linux
import Testing

@Suite struct UserIDMapTests {
    private func map(_ text: String) -> UserIDMap { UserIDMap(parsing: Array(text.utf8)) }

    @Test func onlyTheWholeMapIsInitial() {
        #expect(map("         0          0 4294967295\n").isInitial)
        #expect(!map("0 0 4294967294\n").isInitial && !map("0 1000 1\n").isInitial && !map("").isInitial)
    }

    @Test func aSoleIDIsOneRangeOfOne() {
        #expect(map("         0       2000          1\n").soleID == .init(inside: 0, outside: 2000, count: 1))
        #expect(map("0 2000 2\n").soleID == nil && map("0 2000 1\n1 100000 65536\n").soleID == nil)
    }

    @Test(arguments: ["0 0\n", "0 0 x\n", "0 0 4294967296\n", "0 0 1 1\n", "0 2000 1\nx\n"])
    func whatIsNoMapHasNoIDs(text: String) { #expect(map(text).ranges.isEmpty) }
}
