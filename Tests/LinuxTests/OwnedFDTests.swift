import CLinux
import TestSupport
import Testing

@testable import Linux

/// Numbers of closed descriptors are used again at once by other tests, so these look at the other end of a pipe.
@Suite struct OwnedFDTests {
    @Test func endOfTheValueCloses() throws {
        let ends = try makePipe()
        let reader = OwnedFD(adopting: ends.first)
        do {
            let writer = OwnedFD(adopting: ends.second)
            #expect(try !waitReadable(reader.raw, milliseconds: 0), "\(writer.raw) is open")
        }
        #expect(try waitReadable(reader.raw, milliseconds: 0))
        #expect(try readToEnd(reader.raw) == [])
    }

    @Test func closingClosesOnce() throws {
        let ends = try makePipe()
        let reader = OwnedFD(adopting: ends.first)
        let writer = OwnedFD(adopting: ends.second)
        try writer.close()
        #expect(try readToEnd(reader.raw) == [])
    }

    @Test func closingTellsOfABadNumber() {
        #expect(throws: Errno(EBADF)) { try OwnedFD(adopting: -1).close() }
    }

    @Test func releasedDescriptorsStayOpen() throws {
        let ends = try makePipe()
        let reader = OwnedFD(adopting: ends.first)
        let number = OwnedFD(adopting: ends.second).release()
        #expect(number == ends.second)
        #expect(try !waitReadable(reader.raw, milliseconds: 0))
        CLinux.close(number)
        #expect(try readToEnd(reader.raw) == [])
    }

    @Test func duplicatesAreTheSameOpenFile() throws {
        let ends = try makePipe()
        let reader = OwnedFD(adopting: ends.first)
        let writer = OwnedFD(adopting: ends.second)
        let copy = try writer.duplicate()
        #expect(copy.raw != writer.raw)
        try writer.close()
        try writeFully(copy.raw, "still")
        try copy.close()
        #expect(try readToEnd(reader.raw) == Array("still".utf8))
    }

    /// None is inherited but by wish: pipes, sockets, files, duplicates and files in memory.
    @Test func descriptorsCloseAtExec() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("file")
        let copy = try file.duplicate()
        let memory = try makeMemoryFile("memory", [])
        let (pipes, sockets) = (try makePipe(), try makeSocketPair())
        let others = [pipes.first, pipes.second, sockets.first, sockets.second]
        defer { for number in others { CLinux.close(number) } }
        for number in others + [file.raw, copy.raw, memory.raw] {
            #expect(skl_fcntl(number, F_GETFD, 0) == FD_CLOEXEC, "\(number)")
        }
        try file.setInherited(true)
        #expect(skl_fcntl(file.raw, F_GETFD, 0) == 0)
        try file.setInherited(false)
        #expect(skl_fcntl(file.raw, F_GETFD, 0) == FD_CLOEXEC)
    }
}
