import Testing

@testable import Core

struct EarlyReadingTests {
    @Test func aProgramIsLookedForWhereAShellWould() {
        let named = EarlyReading(action: .exec, arguments: ["python3", "-c", "1"]).candidates
        #expect(named.first == "/usr/local/sbin/python3" && named.last == "/bin/python3" && named.count == 6)
        #expect(EarlyReading(action: .exec, arguments: ["/opt/x", "y"]).candidates == ["/opt/x"])
        // Relative to a directory that is not entered yet.
        #expect(EarlyReading(action: .exec, arguments: ["bin/x"]).candidates.isEmpty)
        #expect(EarlyReading(action: .exec, arguments: []).candidates.isEmpty)
        #expect(EarlyReading(action: .shell, arguments: []).candidates == ["/bin/bash", "/bin/sh"])
        #expect(EarlyReading(action: .run, arguments: ["a"]).candidates == ["/bin/bash", "/bin/sh"])
    }
}
