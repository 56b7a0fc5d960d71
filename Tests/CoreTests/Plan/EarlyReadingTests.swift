import Testing

@testable import Core

struct EarlyReadingTests {
    private static func reading(_ action: Request.Action, _ words: [String]) -> EarlyReading {
        EarlyReading(action: action, arguments: words.map { Array($0.utf8) })
    }

    @Test func aProgramIsLookedForWhereAShellWould() {
        let named = Self.reading(.exec, ["python3", "-c", "1"]).candidates
        #expect(named.first == "/usr/local/sbin/python3" && named.last == "/bin/python3" && named.count == 6)
        #expect(Self.reading(.exec, ["/opt/x", "y"]).candidates == ["/opt/x"])
        // Relative to a directory that is not entered yet.
        #expect(Self.reading(.exec, ["bin/x"]).candidates.isEmpty)
        #expect(Self.reading(.exec, []).candidates.isEmpty)
        #expect(Self.reading(.shell, []).candidates == ["/bin/bash", "/bin/sh"])
        #expect(Self.reading(.run, ["a"]).candidates == ["/bin/bash", "/bin/sh"])
    }
}
