# PostgreSQL's message style: a message begins in lower case and has no full stop; details and hints are sentences.
# Checked where the text is a literal at the end that is looked at.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

# The top-level arguments of a call whose opening parenthesis ends at `pos`.
sub arguments
{
	my ($text, $pos) = @_;
	my ($depth, @arguments) = (1, '');
	pos($text) = $pos;
	while ($text =~ /\G("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'|.)/gs)
	{
		my $token = $1;
		if ($token =~ /^[(\[{]$/) { $depth++ }
		elsif ($token =~ /^[)\]}]$/) { last if --$depth == 0 }
		if ($token eq ',' && $depth == 1) { push @arguments, '' }
		else { $arguments[-1] .= $token }
	}
	return map { s/^\s+|\s+$//gr } @arguments;
}

sub first_literal { my ($a) = @_; return $a =~ /^(?:std::string\()?"((?:\\.|[^"\\])*)"/ ? $1 : undef }
sub last_literal { my ($a) = @_; return $a =~ /"((?:\\.|[^"\\])*)"\)?$/ ? $1 : undef }

sub check_message
{
	my ($file, $line, $argument) = @_;
	my ($first, $last) = (first_literal($argument), last_literal($argument));
	finding($file, $line, "message begins with a capital: $first") if defined $first && $first =~ /^[A-Z][a-z]/ && $first !~ /^Avro\b/;
	finding($file, $line, "message ends with a full stop: $last") if defined $last && $last =~ /[.!]$/ && $last !~ /\.\.\.$/;
	for ($first // '', $last // '')
	{
		finding($file, $line, "say \"unrecognized\", \"does not exist\" or \"must be\": $_")
		  if /\b(?:unknown|unrecognised|illegal|bad|should be)\b/i;
	}
	return;
}

sub check_sentence
{
	my ($file, $line, $what, $argument) = @_;
	my ($first, $last) = (first_literal($argument), last_literal($argument));
	finding($file, $line, "$what does not begin like a sentence: $first") if defined $first && $first =~ /^[a-z]/ && $first !~ /^recsys\./;
	finding($file, $line, "$what does not end with a full stop: $last") if defined $last && $last !~ /^$|^%s$|[.?]$/;
	return;
}

for my $file (files())
{
	my $text = code($file);
	my $line_of = sub { 1 + (substr($text, 0, $_[0]) =~ tr/\n//) };
	while ($text =~ /\b(?:throw\s+(?:recsys::)?Error|make_error)\s*[({]/g)
	{
		my $at = pos $text;
		my (undef, $message, $detail, $hint) = arguments($text, $at);
		check_message($file, $line_of->($at), $message) if defined $message;
		check_sentence($file, $line_of->($at), 'detail', $detail) if defined $detail;
		check_sentence($file, $line_of->($at), 'hint', $hint) if defined $hint;
	}
	while ($text =~ /\b(errmsg|errmsg_internal|errdetail|errhint)\(/g)
	{
		my ($kind, $at) = ($1, pos $text);
		my ($argument) = arguments($text, $at);
		if ($kind =~ /^errmsg/) { check_message($file, $line_of->($at), $argument) }
		else { check_sentence($file, $line_of->($at), $kind, $argument) }
	}
}
finish();
