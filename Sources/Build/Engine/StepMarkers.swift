/// Finds the lines `#@ step` of a shell script that are comments: not those in here-documents, strings or continued lines.
struct StepMarkers {
    /// Returns the indices of the marker lines. One in the first line of a script does not count.
    static func find(_ lines: [ArraySlice<UInt8>]) -> [Int] {
        var scan = StepMarkers()
        var found: [Int] = []
        var isEmpty = true
        for (index, line) in lines.enumerated() {
            if scan.isPlain, isMarker(line), !isEmpty { found.append(index) }
            if !line.trimmed.isEmpty { isEmpty = false }
            scan.read(line)
        }
        return found
    }

    private static func isMarker(_ line: ArraySlice<UInt8>) -> Bool {
        let text = line.trimmed
        guard text.starts(with: "#@".utf8) else { return false }
        let word = text.dropFirst(2).drop(while: \.isBlank)
        let rest = word.dropFirst(4)
        return word.starts(with: "step".utf8) && (rest.isEmpty || rest.first?.isBlank == true)
    }

    private enum Quote { case single, double, escaped }

    private struct HereDocument {
        let delimiter: [UInt8]
        let stripsTabs: Bool
    }

    private var quote: Quote?
    private var documents: [HereDocument] = []
    private var isContinued = false
    /// How many `((` are open, in which `<<` shifts numbers.
    private var arithmetic = 0

    private var isPlain: Bool { quote == nil && documents.isEmpty && !isContinued }

    private mutating func read(_ line: ArraySlice<UInt8>) {
        if quote == nil, !isContinued, let document = documents.first {
            let text = document.stripsTabs ? line.drop { $0 == 0x09 } : line
            if text.elementsEqual(document.delimiter) { documents.removeFirst() }
            return
        }
        isContinued = false
        var rest = line
        var isWordStart = true
        while let byte = rest.popFirst() {
            let wasStart = isWordStart
            isWordStart = byte.isBlank || [0x3B, 0x26, 0x7C, 0x28, 0x29].contains(byte)
            if quote != nil {
                inside(byte, &rest)
                continue
            }
            switch byte {
            case 0x5C: if rest.popFirst() == nil { isContinued = true }
            case 0x27: quote = .single
            case 0x22: quote = .double
            case 0x24 where rest.first == 0x27:
                rest = rest.dropFirst()
                quote = .escaped
            case 0x23 where wasStart: return
            case 0x28 where rest.first == 0x28: open(&rest)
            case 0x29 where rest.first == 0x29 && arithmetic > 0: close(&rest)
            case 0x3C where rest.first == 0x3C: redirect(&rest)
            default: break
            }
        }
    }

    private mutating func inside(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) {
        switch (quote, byte) {
        case (.single, 0x27), (.escaped, 0x27), (.double, 0x22): quote = nil
        case (.double, 0x5C), (.escaped, 0x5C): rest = rest.dropFirst()
        default: break
        }
    }

    private mutating func open(_ rest: inout ArraySlice<UInt8>) {
        rest = rest.dropFirst()
        arithmetic += 1
    }

    private mutating func close(_ rest: inout ArraySlice<UInt8>) {
        rest = rest.dropFirst()
        arithmetic -= 1
    }

    /// Reads what follows the first `<` of `<<`.
    private mutating func redirect(_ rest: inout ArraySlice<UInt8>) {
        rest = rest.dropFirst()
        if rest.first == 0x3C {
            // `<<<` takes a word of this line.
            rest = rest.dropFirst()
            return
        }
        guard arithmetic == 0 else { return }
        let stripsTabs = rest.first == 0x2D
        if stripsTabs { rest = rest.dropFirst() }
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
        var delimiter: [UInt8] = []
        var isQuoted = false
        var inner: UInt8?
        while let byte = rest.first {
            if let open = inner {
                if byte == open { inner = nil } else { delimiter.append(byte) }
            } else if byte == 0x27 || byte == 0x22 {
                (inner, isQuoted) = (byte, true)
            } else if byte == 0x5C {
                isQuoted = true
                rest = rest.dropFirst()
                if let next = rest.first { delimiter.append(next) }
            } else if byte.isBlank || [0x3B, 0x26, 0x7C, 0x28, 0x29, 0x3C, 0x3E].contains(byte) {
                break
            } else {
                delimiter.append(byte)
            }
            rest = rest.dropFirst()
        }
        if !delimiter.isEmpty || isQuoted {
            documents.append(HereDocument(delimiter: delimiter, stripsTabs: stripsTabs))
        }
    }
}
