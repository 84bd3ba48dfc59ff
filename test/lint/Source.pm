# What the lints share: the order of the rooms, the list of source files, and C++ text without its comments.
package Source;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(@LIBRARY %MAY_INCLUDE files code finding finish);

# Rooms in their one-way order, each with the rooms it may include.
our @LIBRARY = qw(base math data artifact metrics recipe filter);
our %MAY_INCLUDE = (base => []);
{
	my @chain = qw(base math data artifact metrics recipe);
	$MAY_INCLUDE{ $chain[$_] } = [ @chain[ 0 .. $_ - 1 ] ] for 1 .. $#chain;
	$MAY_INCLUDE{filter} = ['base'];
	my @below = @LIBRARY;
	for my $room (qw(pg stats catalog store jobs))
	{
		$MAY_INCLUDE{$room} = [@below];
		push @below, $room;
	}
	$MAY_INCLUDE{$_} = [@below] for qw(ingest train serve ops);
	$MAY_INCLUDE{module} = [ @below, qw(ingest train serve ops) ];
}

# The C++ files of some rooms (all by default).
sub files
{
	my @rooms = @_ ? @_ : map { s{^src/}{}r } glob 'src/*';
	return sort map { glob "src/$_/*.hpp src/$_/*.cpp" } @rooms;
}

# The text of a file with comments blanked; line numbers stay.
sub code
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!";
	local $/;
	my $text = <$in>;
	$text =~ s{
		( /\*.*?\*/ | //[^\n]* )                                        # comments
	  | ( R"(?<tag>[^(\s]*)\(.*?\)\k<tag>" | "(?:\\.|[^"\\\n])*" | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+' )
	}{ defined $1 ? $1 =~ tr/\n//cdr : $2 }gsex;
	return $text;
}

my $findings = 0;

sub finding
{
	my ($file, $line, $what) = @_;
	print "$file:$line: $what\n";
	$findings++;
	return;
}

sub finish { exit($findings ? 1 : 0) }

1;
