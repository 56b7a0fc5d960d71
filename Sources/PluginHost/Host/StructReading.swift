import Linux
import PluginAPI

/// Reads a struct that a plugin filled in, by the size rule of `skiff/plugin.h`: a shorter one is zero-extended, a
/// longer one is accepted when the tail that we do not know is zero.
///
/// - Parameter known: an empty value of the type, which must begin with its `struct_size`.
/// - Returns: nil when the struct is absent, has no size, or asks for something that we do not understand.
func readRequest<Request>(_ pointer: UnsafePointer<Request>?, into known: Request) -> Request? {
    guard let pointer else { return nil }
    let raw = UnsafeRawPointer(pointer)
    let size = Int(raw.loadUnaligned(as: UInt32.self))
    // No interface of ours will ever grow beyond this: it is a wrong pointer, not a new plugin.
    guard size >= 8, size <= 4096 else { return nil }
    let tail = UnsafeRawBufferPointer(start: raw, count: size).dropFirst(MemoryLayout<Request>.size)
    guard tail.allSatisfy({ $0 == 0 }) else { return nil }
    return copied(raw, size, into: known)
}

extension Session {
    /// Refuses a request that `readRequest` has not read, and says what is wrong with it.
    /// - Parameter what: `mount`.
    func refuse<Request>(unread request: UnsafePointer<Request>?, _ what: String) -> Int32 {
        guard let request else { return refuse(SKIFF_E_INVALID, "cannot take a \(what): the request is NULL") }
        let size = UnsafeRawPointer(request).loadUnaligned(as: UInt32.self)
        guard size >= 8, size <= 4096 else {
            return refuse(
                SKIFF_E_INVALID,
                "cannot take a \(what): its struct_size is \(size), not \(MemoryLayout<Request>.size)")
        }
        return refuse(
            SKIFF_E_NOT_UNDERSTOOD,
            "cannot understand a \(what) that uses more than the \(MemoryLayout<Request>.size) bytes known here: "
                + "it is made for a newer skiff, or was not zeroed")
    }
}

/// Reads a table of functions: slots beyond its size are NULL, more slots than we know are ignored. The host reads
/// tables in no other way, so that no missing slot is ever read.
func readTable<Table>(_ pointer: UnsafeRawPointer?, into known: Table) -> Table? {
    guard let pointer else { return nil }
    let size = Int(pointer.loadUnaligned(as: UInt32.self))
    guard size >= 8, size <= 4096 else { return nil }
    return copied(pointer, size, into: known)
}

/// An array of structs of a plugin, stepped through by the size that the plugin's header gives them: a shorter element
/// is zero-extended, of a longer one the part that is known is read.
struct StridedArray<Element> {
    private let start: UnsafeRawPointer?
    private let stride: Int
    let count: Int
    private let empty: Element

    /// Nil when there is no such array. NULL is an array of none.
    init?(_ start: UnsafePointer<Element>?, count: UInt64, stride: UInt64, limit: UInt64 = 4096, empty: Element) {
        guard count <= limit, count == 0 || (start != nil && (4...4096).contains(stride)) else { return nil }
        (self.start, self.stride) = (UnsafeRawPointer(start), Int(stride))
        self.count = Int(count)
        self.empty = empty
    }

    var elements: [Element] {
        guard let start else { return [] }
        return (0..<count).map { copied(start + $0 * stride, stride, into: empty) }
    }
}

private func copied<Value>(_ source: UnsafeRawPointer, _ size: Int, into known: Value) -> Value {
    var value = known
    withUnsafeMutableBytes(of: &value) { bytes in
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: min(size, bytes.count)))
    }
    return value
}

/// Returns memory for a table of ours that plugins keep a pointer to; it lives as long as the process.
func permanent<Value>(_ value: Value) -> UnsafePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    place.initialize(to: value)
    return UnsafePointer(place)
}

/// Returns text from a plugin, nil for NULL. Bytes that are not UTF-8 become U+FFFD: the kernel then finds no such
/// file, and says so, instead of finding another one.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(bytes: $0) } }
