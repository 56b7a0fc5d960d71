import NvidiaPlugin

/// `nvliblist.conf` is edited by people. Whatever is in it, names that become destinations are single components.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLibraryList(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let list = LibraryList(parsing: Array(UnsafeBufferPointer(start: data, count: size)))
    #if FUZZ_CANARY
    precondition(list.libraryPaths.isEmpty, "the planted bug: a library by path")
    #endif
    precondition(list.programs.allSatisfy { !$0.utf8.contains(UInt8(ascii: "/")) && !$0.isEmpty })
    precondition(list.files.allSatisfy { $0.utf8.first == UInt8(ascii: "/") })
    return 0
}
