# Rooms include one way only (the order stands in Source.pm).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

for my $file (files())
{
	my ($room) = $file =~ m{^src/(\w+)/};
	finding($file, 1, "room \"$room\" is not in the list of rooms"), next unless $MAY_INCLUDE{$room};
	my %allowed = map { $_ => 1 } $room, @{ $MAY_INCLUDE{$room} };
	my $number = 0;
	for my $line (split /\n/, code($file))
	{
		$number++;
		# Ours end in .hpp; PostgreSQL's, some of them in folders of the same names, in .h.
		next unless $line =~ m{^\s*#\s*include\s+"((?:(\w+)/)?[^"]+\.hpp)"};
		my ($header, $other) = ($1, $2 // '');
		finding($file, $number, "room \"$room\" must not include \"$header\"") unless $allowed{$other};
	}
}
finish();
