import CLinux
import Foundation
import Testing

@testable import Linux

@Suite struct TreeRaceTests {
    /// A directory and a link to the host change places all the time, and another moves out of the tree while `..` is
    /// resolved in it. Whatever a lookup answers, it is nothing of the host.
    @Test(arguments: TreeLookupTests.methods) func exchangesDoNotLeadOut(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        try tree.link("swap", to: tree.path + "/host")
        try makeDirectory(tree.top + "/a/passage")
        try tree.write("secret", "secret")
        let root = try tree.root(method)
        let top = tree.top
        let outside = tree.path + "/outside"
        let isDone = Flag()
        let racer = Thread {
            while !isDone.value {
                try? exchange(top + "/swap", top + "/a")
                try? rename(top + "/a/b", to: outside)
                try? rename(outside, to: top + "/a/b")
            }
            isDone.end()
        }
        racer.start()
        let paths: [TreePath] = [
            "/a/secret", "/swap/secret", "/a/b/../../secret", "/a/passage/../../secret", "/a/../secret",
        ]
        for round in 0..<1000 {
            let found = try? read(root, paths[round % paths.count])
            #expect(found == nil)
        }
        isDone.set()
        isDone.waitForEnd()
    }
}

/// Tells a thread to stop, and that it has.
private final class Flag: @unchecked Sendable {
    private let condition = NSCondition()
    private var isSet = false
    private var hasEnded = false

    var value: Bool { condition.withLock { isSet } }
    func set() { condition.withLock { isSet = true } }
    func end() {
        condition.withLock { hasEnded = true }
        condition.signal()
    }
    func waitForEnd() {
        condition.lock()
        while !hasEnded { condition.wait() }
        condition.unlock()
    }
}
