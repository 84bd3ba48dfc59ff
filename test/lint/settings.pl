# Settings are defined in one alphabetical list, under the prefix of the extension.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $file = 'src/pg/settings.cpp';
my ($previous, $number) = ('', 0);
my %postmaster = ();
for my $line (split /\n/, code($file))
{
	$number++;
	next unless $line =~ /"(recsys\.\w+)"/;
	finding($file, $number, "$1 stands after $previous") if $1 lt $previous;
	$previous = $1;
}
finding($file, 1, 'no setting found') if $previous eq '';
finish();
