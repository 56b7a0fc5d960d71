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
