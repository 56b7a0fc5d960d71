import CLinux
import Linux
import PluginKit
import TestSupport
import Testing

@testable import NvidiaPlugin

/// A made-up host: a driver of ELF files that `cc` built, and a linker cache that `ldconfig` wrote.
final class MadeUpDriver {
    private let scratch: Scratch
    var path: String { scratch.path }

    init() throws {
        scratch = try Scratch()
        for folder in ["lib", "bin", "dev", "libs"] { try scratch.directory(folder) }
    }

    func run(_ program: String, _ arguments: String...) throws {
        let pid = try spawn(
            program, [program] + arguments, environment: ["PATH=/usr/sbin:/usr/bin:/bin"],
            descriptors: [(1, 1), (2, 2)])
        #expect(try waitFor(pid)?.status == .exited(0))
    }

    /// A library with its own soname, as the linker's cache wants it.
    func addLibrary(_ name: String) throws {
        try writeFile("\(path)/empty.c", Array("int nothing;".utf8), mode: 0o644)
        try run(
            "/usr/bin/cc", "-shared", "-nostdlib", "-Wl,-soname,\(name)", "-o", "\(path)/lib/\(name)", "\(path)/empty.c"
        )
    }

    func cache() throws -> [HostLibrary] {
        try writeFile("\(path)/conf", Array("\(path)/lib\n".utf8), mode: 0o644)
        try run("/sbin/ldconfig", "-X", "-f", "\(path)/conf", "-C", "\(path)/cache")
        return try HostLibrary.list(in: try readFile("\(path)/cache"))
    }

    func places() throws -> Driver.Places {
        var places = Driver.Places()
        places.cache = try cache()
        places.path = ["\(path)/nowhere", "\(path)/bin"]
        places.persistenceSocket = "\(path)/socket"
        places.inherited = "\(path)/libs"
        return places
    }
}

private let native = ELFHeader(width: 2, machine: 62)

@Test func libraryListKinds() {
    let list = LibraryList(
        parsing: Array(
            """
            # comment
            nvidia-smi  # the tool
              libcuda.so
            /opt/lib/libx.so.1.2
            /usr/share/nvidia/nvoptix.bin
            two words
            ../../bin/sh
            lib.sox\r
            """.utf8))
    #expect(list.programs == ["nvidia-smi"])
    #expect(list.libraries == ["libcuda.so", "lib.sox"])
    #expect(list.libraryPaths == ["/opt/lib/libx.so.1.2"])
    #expect(list.files == ["/usr/share/nvidia/nvoptix.bin"])
}

@Test func shippedListIsComplete() throws {
    let list = LibraryList(parsing: try readFile(repository + "/Plugins/NvidiaGPU/etc/nvliblist.conf"))
    #expect(list.programs.count == 5 && list.libraries.count == 45 && list.files.count == 7)
    #expect(list.libraryPaths.isEmpty && Set(list.libraries).count == list.libraries.count)
}

@Test func driverIsFoundFileByFile() throws {
    let host = try MadeUpDriver()
    for name in ["libcuda.so.1", "libcuda.so.535.54", "libnvidia-ml.so.1", "libother.so.1"] {
        try host.addLibrary(name)
    }
    // For another processor: e_machine is two bytes at 18.
    var foreign = try readFile("\(host.path)/lib/libcuda.so.1")
    foreign[18] = 183
    try writeFile("\(host.path)/lib/libnvidia-ml.so.1", foreign, mode: 0o755)
    try writeFile("\(host.path)/bin/nvidia-smi", Array("#!/bin/sh\n".utf8), mode: 0o755)
    try writeFile("\(host.path)/bin/nvidia-debugdump", [], mode: 0o644)
    try writeFile("\(host.path)/nvoptix.bin", [], mode: 0o644)
    let list = LibraryList(
        parsing: Array(
            "nvidia-smi\nnvidia-debugdump\nlibcuda.so\nlibnvidia-ml.so\n\(host.path)/nvoptix.bin\n/nowhere/x.json\n"
                .utf8))
    let driver = Driver(list, in: try host.places(), kind: native)
    #expect(
        Set(driver.libraries.map(\.destination)) == [
            "/.singularity.d/libs/libcuda.so.1", "/.singularity.d/libs/libcuda.so.535.54",
        ])
    #expect(driver.libraries.allSatisfy { $0.source.hasPrefix("\(host.path)/lib/libcuda.so.") })
    #expect(driver.programs == [Driver.File(source: "\(host.path)/bin/nvidia-smi", destination: "/usr/bin/nvidia-smi")])
    #expect(driver.files.map(\.destination) == ["\(host.path)/nvoptix.bin"])
    #expect(driver.sockets.isEmpty && driver.libraries32.isEmpty && !driver.isEmpty)
}

@Test func libraryByPathBringsItsLinks() throws {
    let host = try MadeUpDriver()
    try host.addLibrary("libx.so.1.2")
    try makeSymlink("libx.so.1.2", at: "\(host.path)/lib/libx.so.1")
    try makeSymlink("/etc/passwd", at: "\(host.path)/lib/liby.so.1")
    let list = LibraryList(parsing: Array("\(host.path)/lib/libx.so.1.2\n".utf8))
    var places = try host.places()
    places.cache = []
    let driver = Driver(list, in: places, kind: native)
    #expect(
        Set(driver.libraries.map(\.destination)) == [
            "/.singularity.d/libs/libx.so.1.2", "/.singularity.d/libs/libx.so.1",
        ])
}

@Test func nestedRunInheritsAndNothingIsFoundTwice() throws {
    let host = try MadeUpDriver()
    try host.addLibrary("libcuda.so.1")
    try writeFile("\(host.path)/libs/libcuda.so.1", try readFile("\(host.path)/lib/libcuda.so.1"), mode: 0o755)
    try writeFile("\(host.path)/libs/notes.so.txt", Array("no library".utf8), mode: 0o644)
    let driver = Driver(LibraryList(parsing: Array("libcuda.so".utf8)), in: try host.places(), kind: native)
    #expect(
        driver.libraries == [
            Driver.File(source: "\(host.path)/libs/libcuda.so.1", destination: "/.singularity.d/libs/libcuda.so.1")
        ])
}

@Test func libraries32ComeOnDemand() throws {
    let host = try MadeUpDriver()
    try host.addLibrary("libcuda.so.1")
    var bytes = try readFile("\(host.path)/lib/libcuda.so.1")
    let list = LibraryList(parsing: Array("libcuda.so".utf8))
    let places = try host.places()
    bytes[4] = 1
    bytes[18] = 3
    try writeFile("\(host.path)/lib/libcuda.so.1", bytes, mode: 0o755)
    #expect(Driver(list, in: places, kind: native).isEmpty)
    let driver = Driver(list, in: places, kind: native, compat32: true)
    #expect(driver.libraries32.map(\.destination) == ["/.singularity.d/libs32/libcuda.so.1"])
}

@Test func hostWithoutDriver() throws {
    let host = try MadeUpDriver()
    #expect(
        Driver(LibraryList(parsing: Array("libcuda.so\nnvidia-smi\n".utf8)), in: try host.places(), kind: native)
            .isEmpty)
    for name in ["nvidia0", "nvidiactl", "nvidia-uvm", "null"] {
        try writeFile("\(host.path)/dev/\(name)", [], mode: 0o644)
    }
    #expect(
        deviceNodes(in: "\(host.path)/dev")
            == ["nvidia-uvm", "nvidia0", "nvidiactl"].map { "\(host.path)/dev/\($0)" })
    #expect(deviceNodes(in: "\(host.path)/nowhere").isEmpty)
}
