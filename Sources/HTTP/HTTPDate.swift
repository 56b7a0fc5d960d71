import CLinux

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the form that servers send (RFC 9110 §5.6.7).
package enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Returns: seconds since 1970; nil for anything else, the two forms of the last century included.
    package static func seconds(_ text: String) -> Int64? {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
            let day = number(words[1], digits: 2, 1...31), let month = months.firstIndex(of: words[2]),
            let year = number(words[3], digits: 4, 1900...9999)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard clock.count == 3, let hour = number(clock[0], digits: 2, 0...23),
            let minute = number(clock[1], digits: 2, 0...59), let second = number(clock[2], digits: 2, 0...60)
        else { return nil }
        var moment = tm()
        (moment.tm_year, moment.tm_mon, moment.tm_mday) = (year - 1900, Int32(month), day)
        (moment.tm_hour, moment.tm_min, moment.tm_sec) = (hour, minute, second)
        return Int64(timegm(&moment))
    }

    private static func number(_ text: String, digits: Int, _ range: ClosedRange<Int32>) -> Int32? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int32(text),
            range.contains(number)
        else { return nil }
        return number
    }
}
