#include "ingest/csv.hpp"

namespace recsys::ingest {

// The next byte without taking it.
inline int CsvReader::peek() {
	if (position_ == size_) {
		consumed_ += position_;
		position_ = 0;
		size_ = source_(buffer_.data(), buffer_.size());
		if (size_ == 0)
			return kEnd;
	}
	return static_cast<unsigned char>(buffer_[position_]);
}

bool CsvReader::end_of_field() {
	const int c = peek();
	return c == kEnd || c == ',' || c == '\n' || c == '\r';
}

// After the opening quote, up to and including the closing one.
void CsvReader::read_quoted() {
	const std::uint64_t opened = line_;
	for (;;) {
		const int c = peek();
		if (c == kEnd)
			throw Error(sqlstate::BadCopyFile,
						"line " + std::to_string(opened) + " of " + place_ + ": unterminated quoted value");
		if (bytes_.size() > kLongestRecord)
			throw Error(sqlstate::BadCopyFile,
						"line " + std::to_string(opened) + " of " + place_ + ": a quoted value does not end");
		skip();
		if (c == '\n')
			++line_;
		if (c == '"') {
			if (peek() != '"')
				return;
			skip();
		} else if (c == '\\' && (peek() == '"' || peek() == '\\')) {
			bytes_ += static_cast<char>(peek());
			skip();
			continue;
		}
		bytes_ += static_cast<char>(c);
	}
}

void CsvReader::read_field() {
	if (peek() == '"') {
		skip();
		read_quoted();
		if (!end_of_field())
			throw Error(sqlstate::BadCopyFile,
						"line " + std::to_string(line_) + " of " + place_ + ": unexpected text after a closing quote",
						{}, "Inside quotes, write a quote as \"\" or \\\".");
	} else {
		while (!end_of_field()) {
			if (bytes_.size() > kLongestRecord)
				throw Error(sqlstate::BadCopyFile, "line " + std::to_string(line_) + " of " + place_ + " is too long");
			bytes_ += static_cast<char>(peek());
			skip();
		}
	}
	ends_.push_back(bytes_.size());
}

void CsvReader::finish_line() {
	const bool carriage_return = peek() == '\r';
	if (carriage_return)
		skip();
	const bool newline = peek() == '\n';
	if (newline)
		skip();
	line_ += carriage_return || newline;
}

bool CsvReader::next() {
	if (!started_) {
		started_ = true;
		constexpr std::string_view mark = "\xEF\xBB\xBF";
		if (peek() != kEnd && size_ >= mark.size() && std::string_view(buffer_.data(), mark.size()) == mark)
			position_ = mark.size();
	}
	while (peek() == '\n' || peek() == '\r')
		finish_line();
	if (peek() == kEnd)
		return false;
	record_line_ = line_;
	bytes_.clear();
	ends_.clear();
	read_field();
	while (peek() == ',') {
		skip();
		read_field();
	}
	finish_line();
	views_.clear();
	std::size_t begin = 0;
	for (const std::size_t end : ends_) {
		views_.emplace_back(bytes_.data() + begin, end - begin);
		begin = end;
	}
	return true;
}

} // namespace recsys::ingest
