import rasterio, threading, numpy as np, tempfile, time
from affine import Affine
d=tempfile.mkdtemp()
with rasterio.open(d+'/a.tif','w',driver='GTiff',width=4,height=4,count=1,dtype='uint8',crs='EPSG:32648',transform=Affine(30,0,4e5,0,-30,58e5)) as f: f.write(np.full((1,4,4),7,'uint8'))
open(d+'/a.tif.aux.xml','w').write('<PAMDataset><PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>')
a,b=threading.Event(),threading.Event()
def t():
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        a.set(); b.wait()
th=threading.Thread(target=t); th.start(); a.wait()
print('main while thread in env:', rasterio.open(d+'/a.tif').nodata)
b.set(); th.join()
def t2():
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        c.set(); e.wait(); print('thread after main env left', rasterio.open(d+'/a.tif',driver='GTiff').nodata)
c,e=threading.Event(),threading.Event()
th=threading.Thread(target=t2); th.start(); c.wait()
with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"): print('main in', rasterio.open(d+'/a.tif').nodata)
e.set(); th.join()
t0=time.time()
for i in range(1000):
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"): pass
print((time.time()-t0), 'ms per env')
