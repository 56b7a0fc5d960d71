import CLinux
import CTypedCall
import Linux
import Testing

private func number(_ value: Int64) -> skl_value { skl_value(number: value, pointer: nil, count: 0) }
private func pointer(_ value: UnsafeRawPointer?, _ count: UInt64 = 0) -> skl_value {
    skl_value(number: 0, pointer: value, count: count)
}
private func call(_ signature: String, _ function: (@convention(c) () -> Void)?, _ values: [skl_value]) -> Int32? {
    var result: Int32 = -99
    return skl_typed_call(signature, function, values, values.count, &result) == 0 ? result : nil
}

nonisolated(unsafe) private var seen: [String] = []

@Suite(.serialized) struct TypedCalls {
    @Test func everyLetterArrives() {
        let function:
            @convention(c) (
                Int32, UInt32, Int32, Int64, UInt64, UnsafePointer<CChar>?, UnsafeRawPointer?, UInt64, Int32
            )
                -> Int32 = { i, u, b, l, wide, s, bytes, count, f in
                    seen = ["\(i) \(u) \(b) \(l) \(wide) \(s.map { String(cString: $0) } ?? "") \(count) \(f)"]
                    seen.append("\(bytes.map { $0.load(as: UInt8.self) } ?? 0)")
                    return -5
                }
        let bytes: [UInt8] = [42, 43]
        let result = bytes.withUnsafeBufferPointer { bytes in
            "text".withCString { text in
                call(
                    "i:iublLsBf", unsafeBitCast(function, to: (@convention(c) () -> Void).self),
                    [
                        number(-1), number(4_000_000_000), number(1), number(-1 << 40), number(-1), pointer(text),
                        pointer(UnsafeRawPointer(bytes.baseAddress), 2), number(9),
                    ])
            }
        }
        #expect(result == -5)
        #expect(seen == ["-1 4000000000 1 -1099511627776 18446744073709551615 text 2 9", "42"])
    }

    @Test func shorterHandlersGetTheirPrefix() {
        let function: @convention(c) (Int32) -> Void = { seen = ["\($0)"] }
        let raw = unsafeBitCast(function, to: (@convention(c) () -> Void).self)
        #expect(call("v:i", raw, [number(7), number(8)]) == 0)
        #expect(seen == ["7"])
        #expect(call("v:ii", raw, [number(7)]) == nil)
    }

    @Test(arguments: ["", "i", "i:z", "z:i", "i:iiiiiiiiiiiii", "i.i"])
    func badSignaturesAreNotCalled(signature: String) {
        let function: @convention(c) () -> Void = { seen = ["called"] }
        seen = []
        #expect(call(signature, function, Array(repeating: number(0), count: 13)) == nil)
        #expect(seen.isEmpty)
        #expect(skl_signature_parameters(signature) == -1)
    }

    @Test func aMissingFunctionIsNotCalled() {
        #expect(call("i:", nil, []) == nil)
    }
}

/// What a process prints that dies by SIGSEGV under this marker. The child calls C only: other threads of the test runner
/// may have held locks when it was forked.
private func dying(_ marker: String?) throws -> String {
    let pipe = try makePipe()
    let output = OwnedFD(adopting: pipe.first)
    let pid = marker.withOptionalCString { text in
        let pid = fork()
        if pid == 0 {
            dup2(pipe.second, 2)
            skl_crash_marker_set("before")
            skl_crash_marker_set(text)
            raise(SIGSEGV)
            _exit(0)
        }
        return pid
    }
    try OwnedFD(adopting: pipe.second).close()
    let said = String(decoding: try readToEnd(output.raw), as: UTF8.self)
    #expect(try waitFor(pid)?.status == .signaled(SIGSEGV))
    return said
}

extension Optional<String> {
    fileprivate func withOptionalCString<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let self else { return body(nil) }
        return self.withCString { body($0) }
    }
}

@Test func crashNamesThePlugin() throws {
    #expect(try dying("org.test.one: mounts") == "FATAL:   plugin org.test.one: mounts crashed\n")
    #expect(try dying(String(repeating: "x", count: 500)).utf8.count == 16 + 200 + 9)
    #expect(try dying(nil) == "")
}
