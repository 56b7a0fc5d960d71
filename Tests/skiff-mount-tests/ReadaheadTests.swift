import CLinux
import Linux
import Squashfs
import TestSupport
import Testing

@testable import skiff_mount

/// A kernel that asks for what it has not been given, and a server that stores at once.
private struct Simulation {
    let reader: SquashfsReader
    var streams = ReadaheadStreams()
    /// What is in the page cache.
    var cached: Set<InodeReference> = []
    /// What the kernel knows; nil for everything.
    var known: Set<InodeReference>?
    var asked = 0
    var stored = 0

    init(_ reader: SquashfsReader) { self.reader = reader }

    func hasAll(_ files: ArraySlice<Inode>) -> Bool { files.allSatisfy { cached.contains($0.reference) } }

    mutating func read(_ file: Inode) throws {
        guard cached.insert(file.reference).inserted else { return }
        asked += 1
        guard let fragment = reader.fragment(of: file) else { return }
        _ = streams.notice(file, in: fragment, blockSize: reader.superblock.blockSize)
        while let request = streams.nextRequest() {
            let window = try ReadaheadWindow(request, reader)
            streams.begin(window, of: request)
            for file in window.files where file.reference != window.marker {
                guard known?.contains(file.reference) ?? true else {
                    streams.end(request)
                    break
                }
                cached.insert(file.reference)
                stored += 1
            }
        }
    }
}

@Suite(
    "reading ahead of small files",
    .needs(.mksquashfs, .fuse, .userNamespaces))
struct ReadaheadTests {
    /// 600 files of about 6 KiB in three directories, and what is no small file between them.
    private func open() throws -> (reader: SquashfsReader, files: [Inode]) {
        let stage = try Stage()
        let script = """
            cd "$0"; for d in a b c; do mkdir $d; for n in $(seq 100 299); do
                head -c $((n * 30)) /dev/urandom >$d/$n; done; done
            mkdir b/150-directory; ln -s 100 b/151-link; mkfifo b/152-pipe; head -c 300000 /dev/urandom >b/153-large
            : >b/154-empty; ln b/100 c/155-hard
            """
        try shell(script, [stage.tree])
        try stage.makeImage()
        let reader = try SquashfsReader(FileSource(Linux.open(stage.image, O_RDONLY)))
        var files: [Inode] = []
        try reader.walk(reader.root()) { _, inode throws(SquashfsError) in
            if inode.kind == .file { files.append(inode) }
        }
        return (reader, files)
    }

    @Test("one after another, few are asked for") func inOrder() throws {
        let (reader, files) = try open()
        var simulation = Simulation(reader)
        for file in files { try simulation.read(file) }
        #expect(simulation.asked < files.count / 10, "\(simulation.asked) of \(files.count)")
        #expect(simulation.hasAll(files[...]))
    }

    @Test("four programs at once") func together() throws {
        let (reader, files) = try open()
        var simulation = Simulation(reader)
        let part = files.count / 4
        for index in 0..<part {
            for program in 0..<4 { try simulation.read(files[program * part + index]) }
        }
        #expect(simulation.asked < files.count / 8, "\(simulation.asked) of \(files.count)")
    }

    @Test("here and there, little is stored") func scattered() throws {
        let (reader, files) = try open()
        var simulation = Simulation(reader)
        // About one file of a fragment, so that nothing suggests a second.
        for index in stride(from: 0, to: files.count, by: 40) { try simulation.read(files[index]) }
        #expect(simulation.stored == 0)
    }

    @Test("backwards, nothing goes wrong") func backwards() throws {
        let (reader, files) = try open()
        var simulation = Simulation(reader)
        for file in files.reversed() { try simulation.read(file) }
        #expect(simulation.hasAll(files[...]))
    }

    @Test("ends at what the kernel does not know, and begins again") func unknown() throws {
        let (reader, files) = try open()
        var simulation = Simulation(reader)
        let half = files.count / 2
        simulation.known = Set(files[..<half].map(\.reference))
        for file in files[..<half] { try simulation.read(file) }
        let strange = simulation.cached.subtracting(simulation.known ?? []).count
        #expect(strange == 0)
        simulation.known = nil
        let before = simulation.asked
        for file in files[half...] { try simulation.read(file) }
        #expect(simulation.asked - before < half / 8, "\(simulation.asked - before) of \(half)")
    }

    @Test("more programs than are remembered") func crowded() throws {
        let (reader, files) = try open()
        var simulation = Simulation(reader)
        for index in 0..<20 {
            for program in 0..<30 { try simulation.read(files[program * 20 + index]) }
        }
        #expect(simulation.asked <= files.count)
        #expect(simulation.hasAll(files[..<600]))
    }
}
